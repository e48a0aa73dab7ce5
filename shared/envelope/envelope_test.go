package envelope

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew; only for a new version of the format")

const vectorFile = "testdata/vectors.json"

// vectors are published so that another implementation can be tested: bytes
// are hexadecimal.
type vectors struct {
	Comment string          `json:"comment"`
	Keys    vectorKeys      `json:"keys"`
	Batches []batchVector   `json:"batches"`
	Secrets []secretVector  `json:"secrets"`
	Padding []paddingVector `json:"padding"`
}

type vectorKeys struct {
	SignSeed   string `json:"sign_seed"`
	SignPublic string `json:"sign_public"`
	Agent      string `json:"agent"`
	Private    string `json:"sealing_private"`
	Public     string `json:"sealing_public"`
	KeyID      string `json:"sealing_key_id"`
}

type batchVector struct {
	Name         string `json:"name"`
	Type         Type   `json:"type"`
	Generation   uint32 `json:"generation"`
	Sequence     uint64 `json:"sequence"`
	Previous     Digest `json:"previous"`
	KeyringEpoch uint32 `json:"keyring_epoch"`
	Time         int64  `json:"time"`
	Withdrawn    []Link `json:"withdrawn,omitempty"`
	Header       string `json:"header"`
	Plaintext    string `json:"plaintext"`
	Envelope     string `json:"envelope"`
	Digest       Digest `json:"digest"`
}

type secretVector struct {
	Purpose string `json:"purpose"`
	Context string `json:"context"`
	Secret  string `json:"secret"`
	Sealed  string `json:"sealed"`
}

type paddingVector struct {
	Plain  int `json:"plain"`
	Padded int `json:"padded"`
}

func seeded(name string) []byte {
	sum := sha256.Sum256([]byte("rollbridge test vector " + name))
	return sum[:]
}

func testKeys(t testing.TB) (ed25519.PrivateKey, hpke.PrivateKey) {
	t.Helper()
	sealing, err := kem().DeriveKeyPair(seeded("sealing"))
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seeded("sign")), sealing
}

func publicOf(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func testHeader(t testing.TB) Header {
	sign, sealing := testKeys(t)
	return Header{
		Type: TypeDelta, Agent: AgentOf(publicOf(sign)), Generation: 3, Sequence: 7, Previous: sha256.Sum256([]byte("6")),
		KeyringEpoch: 2, SealingKey: KeyIDOf(sealing.PublicKey().Bytes()), Time: time.Unix(1_790_000_000, 0).UTC(),
	}
}

func (v batchVector) header(t testing.TB) Header {
	h := testHeader(t)
	h.Type, h.Generation, h.Sequence, h.Previous = v.Type, v.Generation, v.Sequence, v.Previous
	h.KeyringEpoch, h.Time, h.Withdrawn = v.KeyringEpoch, time.Unix(v.Time, 0).UTC(), v.Withdrawn
	return h
}

func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Batches) < 3 || len(v.Secrets) < 1 || len(v.Padding) < 5 {
		t.Fatal("the vectors are not complete")
	}
	sealing, err := ParsePrivateKey(unhexed(t, v.Keys.Private))
	if err != nil {
		t.Fatal(err)
	}
	sign := ed25519.NewKeyFromSeed(unhexed(t, v.Keys.SignSeed))
	if got := AgentOf(publicOf(sign)).String(); got != v.Keys.Agent || hex.EncodeToString(publicOf(sign)) != v.Keys.SignPublic {
		t.Errorf("agent id %s, want %s", got, v.Keys.Agent)
	}
	if pub := sealing.PublicKey().Bytes(); hex.EncodeToString(pub) != v.Keys.Public || KeyIDOf(pub).String() != v.Keys.KeyID {
		t.Error("the sealing key's public part or id differs")
	}
	for _, b := range v.Batches {
		e, err := Parse(unhexed(t, b.Envelope))
		if err != nil {
			t.Fatalf("%s: %v", b.Name, err)
		}
		if err := e.Verify(publicOf(sign)); err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
		plain, err := e.Open(sealing)
		if err != nil || hex.EncodeToString(plain) != b.Plaintext {
			t.Errorf("%s: opened to %x, %v", b.Name, plain, err)
		}
		want := b.header(t)
		head, err := want.encode()
		if err != nil || hex.EncodeToString(head) != b.Header || !bytes.Equal(head, e.headerRaw) || e.Digest() != b.Digest {
			t.Errorf("%s: header or digest differ (%v)", b.Name, err)
		}
		if hex.EncodeToString(ed25519.Sign(sign, toSign(e.headerRaw, e.enc, e.ciphertext))) != hex.EncodeToString(e.signature) {
			t.Errorf("%s: the signature differs", b.Name)
		}
	}
	for _, s := range v.Secrets {
		got, err := OpenFrom(sealing, s.Purpose, unhexed(t, s.Context), unhexed(t, s.Sealed))
		if err != nil || hex.EncodeToString(got) != s.Secret {
			t.Errorf("%s: %x, %v", s.Purpose, got, err)
		}
	}
	for _, p := range v.Padding {
		if got := len(pad(make([]byte, p.Plain))); got != p.Padded {
			t.Errorf("%d bytes are padded to %d, want %d", p.Plain, got, p.Padded)
		}
	}
}

func unhexed(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeVectors(t *testing.T) {
	sign, sealing := testKeys(t)
	private, err := sealing.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	pub := sealing.PublicKey().Bytes()
	v := vectors{
		Comment: "Rollbridge envelope version 1, suite 1: see the package comment of shared/envelope. All bytes are hexadecimal.",
		Keys: vectorKeys{
			SignSeed: hex.EncodeToString(sign.Seed()), SignPublic: hex.EncodeToString(publicOf(sign)), Agent: AgentOf(publicOf(sign)).String(),
			Private: hex.EncodeToString(private), Public: hex.EncodeToString(pub), KeyID: KeyIDOf(pub).String(),
		},
	}
	one, two := Digest(sha256.Sum256([]byte("1"))), Digest(sha256.Sum256([]byte("2")))
	for _, b := range []batchVector{
		{Name: "the first batch, empty", Type: TypeDelta, Generation: 1, Sequence: 1, KeyringEpoch: 1, Time: 1_790_000_000},
		{Name: "a later delta", Type: TypeDelta, Generation: 2, Sequence: 2, Previous: one, KeyringEpoch: 7, Time: 1_790_000_001, Plaintext: hex.EncodeToString([]byte("fictional"))},
		{Name: "a full batch that withdraws two", Type: TypeFull, Generation: 2, Sequence: 3, Previous: two, KeyringEpoch: 7, Time: 1_790_000_002,
			Withdrawn: []Link{{1, one}, {2, two}}, Plaintext: hex.EncodeToString(bytes.Repeat([]byte("fictional "), 120))},
	} {
		h := b.header(t)
		head, err := h.encode()
		if err != nil {
			t.Fatal(err)
		}
		sealed, digest, err := Seal(h, unhexed(t, b.Plaintext), sealing.PublicKey(), sign)
		if err != nil {
			t.Fatal(err)
		}
		b.Header, b.Envelope, b.Digest = hex.EncodeToString(head), hex.EncodeToString(sealed), digest
		v.Batches = append(v.Batches, b)
	}
	context := v.Keys.Agent
	sealed, err := SealTo(sealing.PublicKey(), "id-key", unhexed(t, context), seeded("id key"))
	if err != nil {
		t.Fatal(err)
	}
	v.Secrets = []secretVector{{"id-key", context, hex.EncodeToString(seeded("id key")), hex.EncodeToString(sealed)}}
	for _, n := range []int{0, 1020, 1021, 2000, 5000, 20_000, 100_000, MaxPlain} {
		v.Padding = append(v.Padding, paddingVector{n, len(pad(make([]byte, n)))})
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, append(out, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every bit of an envelope matters: to its form, its sender or its content.
func TestEveryChangeIsNoticed(t *testing.T) {
	sign, sealing := testKeys(t)
	good, _, err := Seal(testHeader(t), []byte("fictional"), sealing.PublicKey(), sign)
	if err != nil {
		t.Fatal(err)
	}
	accepted := func(b []byte) bool {
		e, err := Parse(b)
		return err == nil && e.Verify(publicOf(sign)) == nil
	}
	if !accepted(good) {
		t.Fatal("the good envelope is refused")
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		if accepted(bad) {
			t.Fatalf("a change of byte %d is accepted", i)
		}
	}
	for n := range good {
		if _, err := Parse(good[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := Parse(append(bytes.Clone(good), 0)); !errors.Is(err, ErrMalformed) {
		t.Errorf("one byte more: %v", err)
	}
	if _, err := Parse(make([]byte, MaxBytes+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("too large: %v", err)
	}
	for i, name := range map[int]string{6: "version", 7: "suite"} {
		bad := bytes.Clone(good)
		bad[i] = 9
		if _, err := Parse(bad); !errors.Is(err, ErrVersion) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// The ciphertext belongs to its header and its key, whoever signs it again.
func TestOpenNeedsTheRightKeyAndHeader(t *testing.T) {
	sign, sealing := testKeys(t)
	b, _, err := Seal(testHeader(t), []byte("fictional"), sealing.PublicKey(), sign)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	other, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(other); !errors.Is(err, ErrOpen) {
		t.Errorf("with another key: %v", err)
	}
	h := testHeader(t)
	h.Sequence++
	if e.headerRaw, err = h.encode(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(sealing); !errors.Is(err, ErrOpen) {
		t.Errorf("under another header: %v", err)
	}
	_, strange, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Verify(publicOf(strange)); !errors.Is(err, ErrSignature) {
		t.Errorf("verified for another agent: %v", err)
	}
}

func TestWrongPaddingDoesNotOpen(t *testing.T) {
	sign, sealing := testKeys(t)
	h := testHeader(t)
	head, err := h.encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, padded := range map[string][]byte{
		"short": make([]byte, 100), "a length over the end": append([]byte{0xff, 0xff, 0xff, 0xff}, make([]byte, 2000)...),
		"something behind": append(make([]byte, 2000), 1),
	} {
		enc, ciphertext, err := encrypt(sealing.PublicKey(), infoBatch, head, padded)
		if err != nil {
			t.Fatal(err)
		}
		e := &Envelope{Header: h, headerRaw: head, enc: enc, ciphertext: ciphertext, signature: ed25519.Sign(sign, toSign(head, enc, ciphertext))}
		if _, err := e.Open(sealing); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v, want ErrOpen", name, err)
		}
	}
}

func TestHeadersThatCannotBe(t *testing.T) {
	sign, sealing := testKeys(t)
	d := Digest{1}
	for name, change := range map[string]func(*Header){
		"no type":                   func(h *Header) { h.Type = 0 },
		"an unknown type":           func(h *Header) { h.Type = 3 },
		"no agent":                  func(h *Header) { h.Agent = AgentID{} },
		"no generation":             func(h *Header) { h.Generation = 0 },
		"no sequence":               func(h *Header) { h.Sequence = 0 },
		"a first with one before":   func(h *Header) { h.Sequence = 1 },
		"a later with none before":  func(h *Header) { h.Previous = Digest{} },
		"a delta that withdraws":    func(h *Header) { h.Withdrawn = []Link{{1, d}} },
		"withdrawn out of order":    func(h *Header) { h.Type, h.Withdrawn = TypeFull, []Link{{2, d}, {1, d}} },
		"withdrawn twice":           func(h *Header) { h.Type, h.Withdrawn = TypeFull, []Link{{2, d}, {2, d}} },
		"withdrawing itself":        func(h *Header) { h.Type, h.Withdrawn = TypeFull, []Link{{7, d}} },
		"more withdrawn than fit":   func(h *Header) { h.Type, h.Sequence, h.Withdrawn = TypeFull, 5000, manyLinks(MaxWithdrawn+1) },
		"a withdrawn sequence of 0": func(h *Header) { h.Type, h.Withdrawn = TypeFull, []Link{{0, d}} },
	} {
		h := testHeader(t)
		change(&h)
		if _, _, err := Seal(h, nil, sealing.PublicKey(), sign); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	h := testHeader(t)
	h.Type, h.Sequence, h.Withdrawn = TypeFull, 5000, manyLinks(MaxWithdrawn)
	if _, _, err := Seal(h, nil, sealing.PublicKey(), sign); err != nil {
		t.Errorf("the longest list: %v", err)
	}
	if _, _, err := Seal(testHeader(t), make([]byte, MaxPlain+1), sealing.PublicKey(), sign); err == nil {
		t.Error("a body over the limit was sealed")
	}
	b, _, err := Seal(testHeader(t), make([]byte, MaxPlain), sealing.PublicKey(), sign)
	if err != nil || len(b) > MaxBytes {
		t.Errorf("the largest body makes %d bytes, %v", len(b), err)
	}
}

func manyLinks(n int) []Link {
	links := make([]Link, n)
	for i := range links {
		links[i] = Link{uint64(i + 1), Digest{1}}
	}
	return links
}

// Padmé: never smaller, at most 12 % more above the least size, and monotone.
func TestPadding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1<<20).Draw(t, "n")
		plain := bytes.Repeat([]byte{7}, n)
		padded := pad(plain)
		switch size := n + 4; {
		case len(padded) < size || len(padded) < minPadded:
			t.Fatalf("%d bytes are padded to %d", n, len(padded))
		case len(padded) > minPadded && float64(len(padded)) > 1.12*float64(size):
			t.Fatalf("%d bytes grow to %d", n, len(padded))
		case len(padded) > len(pad(bytes.Repeat([]byte{7}, n+1))):
			t.Fatalf("%d bytes are padded to more than %d are", n, n+1)
		}
		back, err := unpad(padded)
		if err != nil || !bytes.Equal(back, plain) {
			t.Fatalf("%d bytes came back as %d, %v", n, len(back), err)
		}
	})
}

func TestSecrets(t *testing.T) {
	_, key := testKeys(t)
	sealed, err := SealTo(key.PublicKey(), "id-key", []byte("agent"), []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenFrom(key, "id-key", []byte("agent"), sealed); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := OpenFrom(key, "refused", []byte("agent"), sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("for another purpose: %v", err)
	}
	if _, err := OpenFrom(key, "id-key", []byte("another"), sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("in another context: %v", err)
	}
	for n := range sealed {
		if _, err := OpenFrom(key, "id-key", []byte("agent"), sealed[:n]); !errors.Is(err, ErrOpen) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestIDsAsText(t *testing.T) {
	d := Digest(sha256.Sum256([]byte("x")))
	text, err := json.Marshal(Link{3, d})
	if err != nil {
		t.Fatal(err)
	}
	var back Link
	if err := json.Unmarshal(text, &back); err != nil || back != (Link{3, d}) {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{`"xyz"`, `"00"`, `""`} {
		var a AgentID
		var k KeyID
		if json.Unmarshal([]byte(bad), &a) == nil || json.Unmarshal([]byte(bad), &k) == nil || json.Unmarshal([]byte(bad), &back.Digest) == nil {
			t.Errorf("%s was read as an id", bad)
		}
	}
}

// FuzzEnvelope: whatever is posted, Parse says yes only to the one encoding of
// what it found, and neither it nor Verify nor Open falls over.
func FuzzEnvelope(f *testing.F) {
	sign, sealing := testKeys(f)
	full := testHeader(f)
	full.Type, full.Withdrawn = TypeFull, manyLinks(3)
	for _, h := range []Header{testHeader(f), full} {
		b, _, err := Seal(h, []byte("fictional"), sealing.PublicKey(), sign)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrVersion) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		head, err := e.Header.encode()
		if err != nil || !bytes.Equal(head, e.headerRaw) {
			t.Fatalf("the header has two encodings (%v)", err)
		}
		if e.Digest() != sha256.Sum256(data) {
			t.Fatal("the digest is not of the bytes")
		}
		signed := e.Verify(publicOf(sign)) == nil
		if _, err := e.Open(sealing); signed && err != nil {
			t.Fatalf("signed, but does not open: %v", err)
		}
	})
}
