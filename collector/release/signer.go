package release

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// A Signer signs payloads with one key.
type Signer interface {
	Who() Public
	Sign(ctx context.Context, payload []byte) ([]byte, error)
}

type fileSigner struct {
	public  Public
	private ed25519.PrivateKey
}

func (f fileSigner) Who() Public { return f.public }

func (f fileSigner) Sign(_ context.Context, payload []byte) ([]byte, error) {
	return ed25519.Sign(f.private, payload), nil
}

// Bounds of an external signer: a person may have to find a token and type a PIN.
const (
	signerTime  = 3 * time.Minute
	signerBytes = 8 << 10
)

// A Command signs with a program that holds the key: a token, a key service. It gets
// the payload on standard input and answers with the signature on standard output,
// raw, in hexadecimal or in base64; what it says on standard error goes to Messages.
type Command struct {
	Path     string
	Public   Public
	Messages io.Writer
}

// Who is the key that the command is said to hold; its signature proves it.
func (c Command) Who() Public { return c.Public }

// Sign runs the command.
func (c Command) Sign(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, signerTime)
	defer cancel()
	out := &bounded{left: signerBytes}
	cmd := exec.CommandContext(ctx, c.Path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(payload), out, c.Messages
	cmd.Env = append(os.Environ(), "ROLLBRIDGE_RELEASE_KEY="+c.Public.ID())
	// What it started may hold its output open after its own end.
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("sign with %s: it did not answer within %v, or was ended", c.Path, signerTime)
	case err != nil:
		return nil, fmt.Errorf("sign with %s: %w", c.Path, err)
	case out.left < 0:
		return nil, fmt.Errorf("sign with %s: it answered with more than %d bytes, which is no signature", c.Path, signerBytes)
	case len(out.kept) == 0:
		return nil, fmt.Errorf("sign with %s: it answered with nothing", c.Path)
	}
	return out.kept, nil
}

// bounded keeps so many bytes and takes the rest without keeping it.
type bounded struct {
	kept []byte
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left >= 0 {
		b.kept = append(b.kept, p...)
	}
	return len(p), nil
}

// sign adds a signature, in place of an earlier one of the same key. The signature is
// checked, whoever made it.
func sign[T metadata.Roles](ctx context.Context, m *metadata.Metadata[T], s Signer) error {
	payload, err := cjson.EncodeCanonical(m.Signed)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	answer, err := s.Sign(ctx, payload)
	if err != nil {
		return err
	}
	who := s.Who()
	others := make([]metadata.Signature, 0, len(m.Signatures)+1)
	for _, sig := range m.Signatures {
		if sig.KeyID != who.ID() {
			others = append(others, sig)
		}
	}
	for _, raw := range forms(answer) {
		m.Signatures = append(others[:len(others):len(others)], metadata.Signature{KeyID: who.ID(), Signature: raw})
		if signedBy(who.ID(), who.Key, m) {
			return nil
		}
	}
	m.Signatures = others
	return fmt.Errorf("sign as %q: what the signer answered is no signature by this key", who.Name)
}

// forms are the signatures that an answer may mean.
func forms(answer []byte) [][]byte {
	list := [][]byte{answer}
	text := string(bytes.TrimSpace(answer))
	if raw, err := hex.DecodeString(text); err == nil {
		list = append(list, raw)
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
		list = append(list, raw)
	}
	return list
}

// signedBy says whether a key has signed.
func signedBy[T metadata.Roles](id string, k *metadata.Key, m *metadata.Metadata[T]) bool {
	judge := metadata.Root()
	judge.Signed.Keys[id] = k
	judge.Signed.Roles[metadata.ROOT] = &metadata.Role{KeyIDs: []string{id}, Threshold: 1}
	return judge.VerifyDelegate(metadata.ROOT, m) == nil
}
