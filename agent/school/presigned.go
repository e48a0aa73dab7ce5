package school

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"rollbridge/agent/secret"
	"rollbridge/shared/protocol"
)

// A Presigned message can be posted many times without the key that signed it:
// its attempt headers were made in advance. So the agent repeats an enrolment
// without keeping the code, and a revoke after its keys are gone.
type Presigned struct {
	Name    protocol.Message `json:"name"`
	Message []byte           `json:"message,omitempty"`
	// Attempts are attempt headers with rising counters; Used of them were sent.
	// When all are used the last one is repeated.
	Attempts [][]byte `json:"attempts,omitempty"`
	Used     int      `json:"used"`
}

// maxTries is how many attempts are signed in advance. With a pause that grows
// to two hours they last more than two weeks; they fit into a secret file.
const maxTries = 200

// Presign makes the attempts of a message; counter gives a higher number each
// time.
func Presign(a protocol.Attempt, body []byte, key ed25519.PrivateKey, counter func() (uint64, error)) (Presigned, error) {
	p := Presigned{Name: a.Message, Message: body}
	for range maxTries {
		var err error
		if a.Counter, err = counter(); err != nil {
			return p, err
		}
		if _, err := rand.Read(a.Nonce[:]); err != nil {
			return p, err
		}
		frame := a.Encode(body, key)
		p.Attempts = append(p.Attempts, frame[:len(frame)-len(body)])
	}
	return p, nil
}

// next is the frame of the next attempt.
func (p *Presigned) next() ([]byte, error) {
	if len(p.Attempts) == 0 {
		return nil, errors.New("no attempt is left")
	}
	head := p.Attempts[min(p.Used, len(p.Attempts)-1)]
	p.Used++
	return append(append(make([]byte, 0, len(head)+len(p.Message)), head...), p.Message...), nil
}

const enrolName = "enrol.json"

// KeepEnrolment stores the request that is repeated until it is answered.
func KeepEnrolment(dir string, p Presigned) error { return writeSecret(dir, enrolName, p) }

func readEnrolment(dir string) (p Presigned, found bool, err error) {
	data, err := secret.Read(filepath.Join(dir, enrolName))
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err == nil && json.Unmarshal(data, &p) != nil {
		err = fmt.Errorf("read %s: it is damaged: run `rollbridge-agent enrol CODE` again", enrolName)
	}
	return p, err == nil, err
}

func writeSecret(dir, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return secret.Write(filepath.Join(dir, name), data)
}

func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
