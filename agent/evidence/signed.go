package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// A signedFile is a statement's JSON file. The signature is over
// "rollbridge/statement/v1", a zero byte and the statement without white space
// between its values, so that the file may be indented.
type signedFile struct {
	Statement json.RawMessage `json:"statement"`
	Key       []byte          `json:"key"`
	Signature []byte          `json:"sig"`
}

// The errors of a statement's file.
var (
	ErrStatement       = errors.New("not a statement of Rollbridge")
	ErrChangedFile     = errors.New("the statement is not as it was signed")
	ErrOtherLogbook    = errors.New("the statement was drawn from another logbook")
	ErrDiffersFromBook = errors.New("the logbook does not say what the statement says")
)

func signedBytes(statement []byte) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(statementFormat + "\x00")
	if err := json.Compact(&b, statement); err != nil {
		return nil, ErrStatement
	}
	return b.Bytes(), nil
}

// Sign gives the JSON file. key must be that of the logbook.
func (s Statement) Sign(key ed25519.PrivateKey) ([]byte, error) {
	public := key.Public().(ed25519.PublicKey)
	if !bytes.Equal(public, s.Key) {
		return nil, fmt.Errorf("sign the statement: %w than the one whose key this machine has", ErrOtherLogbook)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode the statement: %w", err)
	}
	content, err := signedBytes(text)
	if err != nil {
		return nil, err
	}
	file, err := json.MarshalIndent(signedFile{text, public, ed25519.Sign(key, content)}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the statement: %w", err)
	}
	return append(file, '\n'), nil
}

// MaxStatementBytes bounds the JSON file of a statement.
const MaxStatementBytes = 16 << 20

// OpenStatement reads a statement's JSON file and proves that it is as it was
// signed, by the key that it names. Whose key that is, only the logbook shows
// (Matches).
func OpenStatement(file []byte) (Statement, error) {
	var f signedFile
	var s Statement
	if len(file) > MaxStatementBytes || json.Unmarshal(file, &f) != nil || len(f.Key) != ed25519.PublicKeySize {
		return s, ErrStatement
	}
	content, err := signedBytes(f.Statement)
	if err != nil {
		return s, err
	}
	if !ed25519.Verify(f.Key, content, f.Signature) {
		return s, ErrChangedFile
	}
	if json.Unmarshal(f.Statement, &s) != nil || s.Format != statementFormat {
		return s, ErrStatement
	}
	if !bytes.Equal(s.Key, f.Key) {
		return s, ErrChangedFile
	}
	return s, nil
}

// IsText says whether a text is the one that was made with the statement.
func (s Statement) IsText(text []byte) bool {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]) == s.TextHash
}

// Matches proves that a statement is what its logbook says: again is drawn from
// that logbook with the statement's term, time and last entry.
func (s Statement) Matches(again Statement) error {
	if !bytes.Equal(s.Key, again.Key) {
		return ErrOtherLogbook
	}
	again.TextHash = s.TextHash // another version may have other words
	a, err1 := json.Marshal(s)
	b, err2 := json.Marshal(again)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("compare the statement with its logbook: %w", err)
	}
	if !bytes.Equal(a, b) {
		return ErrDiffersFromBook
	}
	return nil
}
