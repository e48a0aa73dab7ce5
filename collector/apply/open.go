package apply

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"rollbridge/collector/inbox"
	"rollbridge/collector/keys"
	"rollbridge/collector/store"
	"rollbridge/shared/envelope"
	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Why codes of a Resync, as protocol.Refusal lists them.
const (
	whyDigest       = "digest_mismatch"
	whyCannotOpen   = "cannot_open"
	whyKeyDestroyed = "key_destroyed"
)

// An unreadable batch is set aside and a full batch asked for. cause holds
// nothing of the content.
type unreadable struct {
	row   inbox.Row
	why   string
	cause string
}

func (u *unreadable) Error() string {
	return fmt.Sprintf("batch %d cannot be read: %s", u.row.Sequence, u.cause)
}

// sealedBatch reads the envelope of a row and verifies it. One that waits
// without a body is as unreadable as a damaged one: it must not stop the school.
func sealedBatch(ctx context.Context, tx *store.Tx, row inbox.Row, agent store.Agent) (*envelope.Envelope, *unreadable, error) {
	sealed, err := inbox.Envelope(ctx, tx.Tx, row.ID)
	if errors.Is(err, inbox.ErrNoBody) {
		return nil, &unreadable{row, whyCannotOpen, err.Error()}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	e, bad := verify(sealed, row, agent)
	return e, bad, nil
}

// verify checks an envelope as if it came from the network: that the agent
// signed it and that it is what its row says.
func verify(sealed []byte, row inbox.Row, agent store.Agent) (*envelope.Envelope, *unreadable) {
	e, err := envelope.Parse(sealed)
	if err != nil {
		return nil, &unreadable{row, whyCannotOpen, err.Error()}
	}
	if err := e.Verify(agent.Sign); err != nil {
		return nil, &unreadable{row, whyCannotOpen, err.Error()}
	}
	h := e.Header
	if e.Digest() != row.Digest || h.Generation != row.Generation || h.Sequence != row.Sequence || h.Previous != row.Previous || h.Type != row.Type {
		return nil, &unreadable{row, whyCannotOpen, "it is not the batch that the inbox says it is"}
	}
	return e, nil
}

// errManifest ends a reading after the manifest.
var errManifest = errors.New("that was the manifest")

// open decrypts a verified envelope and reads its manifest. err is a fault of
// this machine (the key directory cannot be read): the batch then waits.
func (a *Applier) open(e *envelope.Envelope, row inbox.Row) (plain []byte, m protocol.Manifest, bad *unreadable, err error) {
	key, ok, err := a.sealing.find(a.Keys, e.Header.SealingKey)
	if err != nil {
		return nil, m, nil, err
	}
	if !ok {
		return nil, m, &unreadable{row, whyKeyDestroyed, "its sealing key " + e.Header.SealingKey.String() + " does not exist any more"}, nil
	}
	plain, failed := e.Open(key.Private)
	if failed == nil {
		failed = protocol.ReadBody(plain, &m, func(protocol.Op) error { return errManifest })
	}
	if failed == nil || errors.Is(failed, errManifest) {
		failed = checkManifest(m)
	}
	if failed != nil {
		return nil, m, &unreadable{row, whyCannotOpen, failed.Error()}, nil
	}
	return plain, m, nil, nil
}

// sealing keeps the opened sealing keys for a moment: reading them costs more
// than opening a small batch, and a destroyed one must not stay for long.
type sealing struct {
	mu     sync.Mutex
	held   map[envelope.KeyID]keys.SealingKey
	loaded time.Time
}

const sealingKept = time.Minute

func (s *sealing) find(dir string, id envelope.KeyID) (k keys.SealingKey, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k, ok = s.held[id]; ok && time.Since(s.loaded) < sealingKept {
		return k, true, nil
	}
	held, err := keys.OpenSealing(dir)
	if err != nil {
		return k, false, err
	}
	s.held, s.loaded = held, time.Now()
	k, ok = held[id]
	return k, ok, nil
}

// checkManifest refuses what would be stored or counted wrongly.
func checkManifest(m protocol.Manifest) error {
	seen := map[record.Dataset]bool{}
	for _, d := range m.Datasets {
		if seen[d.Dataset] || !datasetName.MatchString(string(d.Dataset)) {
			return errors.New("the manifest names a dataset twice or wrongly")
		}
		seen[d.Dataset] = true
		if !validDate(d.From) || !validDate(d.To) {
			return errors.New("the manifest has a window that is no dates")
		}
		if !validGiven(d.Given) {
			return errors.New("the manifest gives a dataset to what is no authority, or gives what is no field")
		}
	}
	if !validDate(m.Year) {
		return errors.New("the manifest has a year that is no date")
	}
	if len(m.Holds) > maxHolds || len(m.Released) > maxHolds {
		return errors.New("the manifest has too many holds")
	}
	for _, h := range m.Holds {
		if !holdCode.MatchString(h.Code) || !datasetName.MatchString(string(h.Dataset)) ||
			h.Why != "" && !datasetName.MatchString(string(h.Why)) || len(h.Authority) > 8 || !printable(h.Authority) {
			return errors.New("the manifest has a hold that is not understood")
		}
	}
	return nil
}

// validGiven says whether whose a dataset is can be stored in clear.
func validGiven(given map[string][]string) bool {
	for code, fields := range given {
		if !authorityCode.MatchString(code) || len(fields) > maxFields ||
			slices.ContainsFunc(fields, func(f string) bool { return !fieldName.MatchString(f) }) {
			return false
		}
	}
	return len(given) <= maxGiven
}

// A school has pupils of a few authorities, a dataset some dozens of fields.
const (
	maxHolds  = 500
	maxGiven  = 500
	maxFields = 200
)

var (
	datasetName   = regexp.MustCompile(`^[a-z_]{1,40}$`)
	fieldName     = regexp.MustCompile(`^[A-Za-z0-9_]{1,60}$`)
	authorityCode = regexp.MustCompile(`^[0-9A-Za-z]{1,8}$`)
	holdCode      = regexp.MustCompile(`^[0-9A-Z]{1,32}$`)
	// A key stands in clear beside the sealed record, of a refused one too, so it
	// may hold nothing but what record.NewPupilID and NewSubID make, and a week.
	// A member of staff has a key of NewSubID alone.
	keyForm = regexp.MustCompile(`^[0-9a-f]{32}(/([0-9a-f]{32}|[0-9]{4}-[0-9]{2}-[0-9]{2}))?$`)
)

func validDate(d record.Date) bool {
	if d == "" {
		return true
	}
	_, err := record.ParseDate(string(d))
	return err == nil
}

// printable says whether a text can be a key in any database.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
