package envelope

import (
	"crypto/hpke"
	"encoding/binary"
	"fmt"
	"math/bits"
)

func kem() hpke.KEM   { return hpke.MLKEM768X25519() }
func kdf() hpke.KDF   { return hpke.HKDFSHA256() }
func aead() hpke.AEAD { return hpke.AES256GCM() }

// GenerateKey makes a new key pair of the suite.
func GenerateKey() (hpke.PrivateKey, error) { return kem().GenerateKey() }

// ParsePublicKey reads the bytes of a public key of the suite.
func ParsePublicKey(b []byte) (hpke.PublicKey, error) {
	k, err := kem().NewPublicKey(b)
	if err != nil {
		return nil, fmt.Errorf("read a public sealing key: %w", err)
	}
	return k, nil
}

// ParsePrivateKey reads the bytes of a private key of the suite.
func ParsePrivateKey(b []byte) (hpke.PrivateKey, error) {
	k, err := kem().NewPrivateKey(b)
	if err != nil {
		return nil, fmt.Errorf("read a private sealing key: %w", err)
	}
	return k, nil
}

// SealTo encrypts a small secret to a key. purpose separates uses from one
// another and must be the same when opening; context is bound to the result
// without being part of it.
func SealTo(to hpke.PublicKey, purpose string, context, secret []byte) ([]byte, error) {
	enc, ciphertext, err := encrypt(to, "rollbridge/"+purpose+"/v1", context, secret)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(len(enc)))
	b = append(b, enc...)
	return append(b, ciphertext...), nil
}

// OpenFrom decrypts what SealTo made. Errors wrap ErrOpen.
func OpenFrom(key hpke.PrivateKey, purpose string, context, sealed []byte) ([]byte, error) {
	n := int(be16(sealed))
	if n == 0 || n > MaxEnc || len(sealed) < 2+n {
		return nil, fmt.Errorf("open %s: %w: it is cut short", purpose, ErrOpen)
	}
	secret, err := decrypt(key, "rollbridge/"+purpose+"/v1", context, sealed[2:2+n], sealed[2+n:])
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", purpose, err)
	}
	return secret, nil
}

func encrypt(to hpke.PublicKey, info string, aad, plaintext []byte) (enc, ciphertext []byte, err error) {
	enc, sender, err := hpke.NewSender(to, kdf(), aead(), []byte(info))
	if err != nil {
		return nil, nil, err
	}
	ciphertext, err = sender.Seal(aad, plaintext)
	return enc, ciphertext, err
}

func decrypt(key hpke.PrivateKey, info string, aad, enc, ciphertext []byte) ([]byte, error) {
	recipient, err := hpke.NewRecipient(enc, key, kdf(), aead(), []byte(info))
	if err != nil {
		return nil, ErrOpen
	}
	plaintext, err := recipient.Open(aad, ciphertext)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

const minPadded = 1024

// pad puts the length in front and zeros behind, up to a Padmé size: at most
// 12 % more, and only O(log log n) bits of the length show.
func pad(plaintext []byte) []byte {
	n := 4 + len(plaintext)
	b := make([]byte, max(minPadded, padme(n)))
	binary.BigEndian.PutUint32(b, uint32(len(plaintext)))
	copy(b[4:], plaintext)
	return b
}

func unpad(padded []byte) ([]byte, error) {
	n := int64(be32(padded))
	if len(padded) < minPadded || n > int64(len(padded)-4) {
		return nil, malformed("the padding is wrong")
	}
	for _, c := range padded[4+n:] {
		if c != 0 {
			return nil, malformed("the padding is wrong")
		}
	}
	return padded[4 : 4+n : 4+n], nil
}

// padme rounds n up as in Nikitin et al., "Reducing Metadata Leakage from
// Encrypted Files and Communication with PURBs" (2019), algorithm 1.
func padme(n int) int {
	if n < 2 {
		return n
	}
	e := bits.Len(uint(n)) - 1
	s := bits.Len(uint(e))
	mask := 1<<(e-s) - 1
	return (n + mask) &^ mask
}
