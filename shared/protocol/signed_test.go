package protocol

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"rollbridge/shared/envelope"
)

var domains = []Domain{
	DomainKeyring, DomainStatement, DomainReceipt, DomainAnswer, DomainAttempt, DomainCheckin, DomainRevoke, DomainOffer, DomainEnrol,
}

// A signature counts in its own domain, by its own key, over its own bytes.
func TestSignaturesKeepToTheirRole(t *testing.T) {
	key, other := testKey(1), testKey(2)
	for _, d := range domains {
		s, err := Sign(key, d, map[string]int{"n": 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range domains {
			var got map[string]int
			err := Verify(s, in, []PublicKey{publicOf(other), publicOf(key)}, &got)
			if in == d && (err != nil || got["n"] != 5) {
				t.Errorf("%s: %v", d, err)
			}
			if in != d && (!errors.Is(err, ErrSignature) || got != nil) {
				t.Errorf("signed as %s, passes as %s: %v", d, in, err)
			}
		}
		var got map[string]int
		if err := Verify(s, d, []PublicKey{publicOf(other)}, &got); !errors.Is(err, ErrSignature) {
			t.Errorf("%s by a key that may not: %v", d, err)
		}
		for name, change := range map[string]func(*Signed){
			"payload":   func(s *Signed) { s.Payload = bytes.Replace(s.Payload, []byte("5"), []byte("6"), 1) },
			"signature": func(s *Signed) { s.Signature = bytes.Clone(s.Signature); s.Signature[9] ^= 1 },
			"key":       func(s *Signed) { s.Key = envelope.KeyIDOf(publicOf(other)) },
			"nothing":   func(s *Signed) { *s = Signed{} },
			"size":      func(s *Signed) { s.Payload = make([]byte, MaxSignedBytes+1) },
		} {
			bad := s
			change(&bad)
			if err := Verify(bad, d, []PublicKey{publicOf(key), publicOf(other)}, &got); !errors.Is(err, ErrSignature) {
				t.Errorf("%s with another %s: %v", d, name, err)
			}
		}
	}
	s, err := Sign(key, DomainReceipt, "text")
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := Verify(s, DomainReceipt, []PublicKey{publicOf(key)}, &n); err == nil || errors.Is(err, ErrSignature) {
		t.Errorf("a good signature over something else: %v", err)
	}
}

func testKeyring(epoch uint32) Keyring {
	issued := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	return Keyring{Root: publicOf(testKey(1)), Epoch: epoch, Issued: issued, Expires: issued.Add(KeyringLife),
		Intake: []PublicKey{publicOf(testKey(2))}, Control: []PublicKey{publicOf(testKey(3))}}
}

func TestKeyring(t *testing.T) {
	root := FingerprintOf([]byte(publicOf(testKey(1))))
	sign := func(key byte, d Domain, k Keyring) Signed {
		t.Helper()
		s, err := Sign(testKey(key), d, k)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := sign(1, DomainKeyring, testKeyring(4))
	for _, held := range []uint32{0, 3, 4} {
		if k, err := VerifyKeyring(good, root, held); err != nil || k.Epoch != 4 {
			t.Errorf("held %d: %v", held, err)
		}
	}
	if _, err := VerifyKeyring(good, root, 5); !errors.Is(err, ErrKeyringEpoch) {
		t.Errorf("a lower epoch: %v", err)
	}
	if _, err := VerifyKeyring(good, FingerprintOf([]byte("another")), 0); !errors.Is(err, ErrRoot) {
		t.Errorf("another collector's: %v", err)
	}
	if _, err := VerifyKeyring(Signed{Payload: []byte("x")}, root, 0); !errors.Is(err, ErrRoot) {
		t.Errorf("nonsense: %v", err)
	}
	for name, s := range map[string]Signed{
		"by intake":          sign(2, DomainKeyring, testKeyring(4)),
		"by control":         sign(3, DomainKeyring, testKeyring(4)),
		"in another domain":  sign(1, DomainStatement, testKeyring(4)),
		"without an intake":  sign(1, DomainKeyring, Keyring{Root: publicOf(testKey(1)), Epoch: 4, Control: testKeyring(1).Control}),
		"without a control":  sign(1, DomainKeyring, Keyring{Root: publicOf(testKey(1)), Epoch: 4, Intake: testKeyring(1).Intake}),
		"by a root put into": sign(9, DomainKeyring, testKeyring(4)),
	} {
		if _, err := VerifyKeyring(s, root, 0); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k := testKeyring(1)
	if k.Expired(k.Expires.Add(-time.Second)) || !k.Expired(k.Expires) {
		t.Error("a keyring expires at its expiry, not before")
	}
}

func TestStatement(t *testing.T) {
	ring := testKeyring(1)
	me, you := envelope.AgentID{1}, envelope.AgentID{2}
	for name, c := range map[string]struct {
		st    Statement
		fresh bool
	}{
		"mine and newer":           {Statement{Kind: KindOutcome, Agent: me, Generation: 2, Serial: 8}, true},
		"of every generation":      {Statement{Kind: KindOutcome, Agent: me, Serial: 8}, true},
		"a replay":                 {Statement{Kind: KindOutcome, Agent: me, Generation: 2, Serial: 7}, false},
		"another agent's":          {Statement{Kind: KindOutcome, Agent: you, Generation: 2, Serial: 8}, false},
		"another generation's":     {Statement{Kind: KindOutcome, Agent: me, Generation: 1, Serial: 8}, false},
		"a sealing key to all":     {Statement{Kind: KindSealingKey, Serial: 8}, true},
		"an offer":                 {Statement{Kind: KindOffer, Serial: 8}, true},
		"a refusal to all":         {Statement{Kind: KindRefusal, Serial: 8}, false},
		"a provision to all":       {Statement{Kind: KindProvision, Serial: 8}, false},
		"a sealing key of another": {Statement{Kind: KindSealingKey, Agent: you, Serial: 8}, false},
	} {
		c.st.Body = []byte("{}")
		s, err := Sign(testKey(3), DomainStatement, c.st)
		if err != nil {
			t.Fatal(err)
		}
		st, err := VerifyStatement(s, ring)
		if err != nil || st.Fresh(me, 2, 7) != c.fresh {
			t.Errorf("%s: fresh is %t (%v), want %t", name, st.Fresh(me, 2, 7), err, c.fresh)
		}
		forged, err := Sign(testKey(2), DomainStatement, c.st) // the intake key
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyStatement(forged, ring); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: signed by intake, it is believed: %v", name, err)
		}
	}
	var o Outcome
	if err := (Statement{Kind: KindOutcome, Body: []byte(`"x"`)}).Decode(&o); err == nil {
		t.Error("a body of another type was decoded")
	}
}
