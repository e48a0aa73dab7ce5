package protocol

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"rollbridge/shared/envelope"
)

func testKey(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func publicOf(k ed25519.PrivateKey) PublicKey { return PublicKey(k.Public().(ed25519.PublicKey)) }

func testAttempt() Attempt {
	return Attempt{Message: MessageCheckin, Sender: Sender{1, 2}, Nonce: [16]byte{3}, Counter: 9, Time: time.Unix(1_790_000_000, 0).UTC()}
}

func TestFrame(t *testing.T) {
	key, body := testKey(1), []byte("fictional")
	data := testAttempt().Encode(body, key)
	f, err := ParseFrame(data, MessageCheckin)
	if err != nil {
		t.Fatal(err)
	}
	want := testAttempt()
	want.Content = f.Content
	if f.Attempt != want || !bytes.Equal(f.Body, body) {
		t.Errorf("came back as %+v", f.Attempt)
	}
	if f.Digest() != testAttempt().Digest(body) {
		t.Error("sender and receiver name the attempt differently")
	}
	if err := f.Verify(ed25519.PublicKey(publicOf(key))); err != nil {
		t.Error(err)
	}
	for name, k := range map[string]ed25519.PublicKey{"another key": ed25519.PublicKey(publicOf(testKey(2))), "no key": nil} {
		if err := f.Verify(k); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range []Message{MessageBatch, "", "nonsense"} {
		if _, err := ParseFrame(data, m); !errors.Is(err, ErrFrame) {
			t.Errorf("read as %q: %v", m, err)
		}
	}
	nothing := bytes.Clone(data)
	nothing[4] = 0
	if _, err := ParseFrame(nothing, "nonsense"); !errors.Is(err, ErrFrame) {
		t.Errorf("a message without a number: %v", err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1 << (i % 8)
		if f, err := ParseFrame(bad, MessageCheckin); err == nil && f.Verify(ed25519.PublicKey(publicOf(key))) == nil {
			t.Fatalf("a change of byte %d is accepted", i)
		}
	}
	for n := range data {
		if _, err := ParseFrame(data[:n], MessageCheckin); !errors.Is(err, ErrFrame) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
}

func TestFrameHoldsTheLargestEnvelope(t *testing.T) {
	a := testAttempt()
	a.Message = MessageBatch
	if got := len(a.Encode(make([]byte, envelope.MaxBytes), testKey(1))); got != MaxFrameBytes {
		t.Errorf("%d bytes, the limit is %d", got, MaxFrameBytes)
	}
}

// FuzzFrame: ParseFrame says yes only to what Encode makes of its parts.
func FuzzFrame(f *testing.F) {
	f.Add(testAttempt().Encode([]byte("fictional"), testKey(1)))
	f.Add(testAttempt().Encode(nil, testKey(1)))
	f.Add([]byte(frameMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		for m := range messageNumbers {
			p, err := ParseFrame(data, m)
			if err != nil {
				if !errors.Is(err, ErrFrame) {
					t.Fatalf("an error of no kind: %v", err)
				}
				continue
			}
			if head := p.header(); !bytes.Equal(head, p.signed) || p.Digest() != p.Attempt.Digest(p.Body) {
				t.Fatal("the header has two encodings")
			}
			_ = p.Verify(ed25519.PublicKey(publicOf(testKey(1))))
		}
	})
}
