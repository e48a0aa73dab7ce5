package hosted

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"rollbridge/shared/protocol"
	"rollbridge/shared/record"
)

// Agents are those that the operator runs. They may be used concurrently. The zero value
// and nil are those of an operator who runs none.
type Agents struct {
	program, schools string
	places           *semaphore.Weighted

	mu      sync.Mutex
	reading map[string]bool // schools whose preview is being made
}

// New makes the agents of a directory; both empty are none. program is the agent's
// program, schools what it runs with --schools.
func New(program, schools string) *Agents {
	return &Agents{program: program, schools: schools, places: semaphore.NewWeighted(atOnce), reading: map[string]bool{}}
}

func (a *Agents) on() bool { return a != nil && a.program != "" && a.schools != "" }

// Has says whether an agent is hosted for a school: there is a directory of its name. It
// looks at no more.
func (a *Agents) Has(school string) bool {
	_, err := a.directory(school)
	return KindOf(err) != Off || err == nil
}

var slugForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

func slug(id string) bool { return slugForm.MatchString(id) }

// A State is how an agent stands; the words are those of `status --json`.
type State string

// The states.
const (
	NotEnrolled State = "not_enrolled"
	Enrolling   State = "enrolling"
	Unconfirmed State = "unconfirmed"
	Active      State = "active"
	Paused      State = "paused"
	Revoked     State = "revoked"
	Stopped     State = "stopped" // by a refusal of the collector
	Moved       State = "moved"
)

// A Status is how an agent stands, as far as pages show it.
type Status struct {
	State   State  `json:"state"`
	Version string `json:"version"`
	// School is the id that the collector gave; empty once the agent is revoked, and
	// before it is enrolled.
	School string `json:"school"`
	Phrase string `json:"phrase"`
	Pause  *struct {
		Since time.Time `json:"since"`
		Until time.Time `json:"until"`
	} `json:"pause"`
	RevokedAt time.Time `json:"revoked_at"`
	// RevokeWaits says that the collector has not yet the revoke.
	RevokeWaits bool `json:"revoke_waits"`
	// Waiting counts batches that have no receipt yet.
	Waiting  int `json:"waiting"`
	LastRead *struct {
		Started time.Time            `json:"started"`
		Problem protocol.ProblemCode `json:"problem"`
	} `json:"last_read"`
	LastReceipt *struct {
		Received time.Time `json:"received"`
	} `json:"last_receipt"`
	LastHeard time.Time          `json:"last_heard"`
	Holds     []protocol.Hold    `json:"holds"`
	NotGiven  []Gap              `json:"not_given"`
	News      []News             `json:"news"`
	Problems  []protocol.Problem `json:"problems"`
}

// Over says that the agent reads and sends nothing any more.
func (s Status) Over() bool { return s.State == Revoked || s.State == Stopped || s.State == Moved }

// A Gap is a part of what is asked that does not leave.
type Gap struct {
	Authority string         `json:"authority"`
	Name      string         `json:"name"`
	Dataset   record.Dataset `json:"dataset"`
	Fields    []string       `json:"fields"`
	// Denied says that the school said no to it by name, Gained that the MIS's profile
	// gives it only since the school's last yes.
	Denied bool `json:"denied"`
	Gained bool `json:"gained"`
}

// News is what the operator says anew of the data.
type News struct {
	What   string `json:"what"`
	Before string `json:"before"`
	Now    string `json:"now"`
}

// Status says how the agent of a school stands.
func (a *Agents) Status(ctx context.Context, school string) (Status, error) {
	c := command{args: []string{"status", "--json"}, limit: askTime, most: maxAnswer}
	text, err := a.run(ctx, school, c)
	if err != nil {
		return Status{}, err
	}
	var s Status
	if err := c.decode(text, &s); err != nil {
		return Status{}, err
	}
	switch {
	case s.State == "":
		return Status{}, &Fault{Version, "a hosted agent does not say how it stands: is hosted.program of another version?"}
	case s.School != "" && s.School != school:
		return Status{}, &Fault{Stranger, fmt.Sprintf("the directory of %s in hosted.schools holds the agent of another school: nothing was done", school)}
	}
	return s, nil
}

// own runs a command on an agent that is this school's.
func (a *Agents) own(ctx context.Context, school string, c command) ([]byte, error) {
	if _, err := a.Status(ctx, school); err != nil {
		return nil, err
	}
	return a.run(ctx, school, c)
}

// do is own for a command that changes something. The browser may go away meanwhile: what
// was begun is not broken off.
func (a *Agents) do(ctx context.Context, school string, limit time.Duration, args ...string) error {
	_, err := a.own(context.WithoutCancel(ctx), school, command{args: args, limit: limit, most: maxAnswer})
	return err
}

// Pause stops reading and sending until Resume, or until a time if there is one. The queue
// is kept.
func (a *Agents) Pause(ctx context.Context, school string, until time.Time) error {
	args := []string{"pause"}
	if !until.IsZero() {
		args = append(args, "--until", until.UTC().Format(time.RFC3339))
	}
	return a.do(ctx, school, askTime, args...)
}

// Resume ends a pause.
func (a *Agents) Resume(ctx context.Context, school string) error {
	return a.do(ctx, school, askTime, "resume")
}

// Revoke stops for good: reading ends, queue, state and keys are destroyed, and the
// collector is told as soon as it is reached. The logbook stays. It is done where the
// agent says afterwards that it is, however the command ended.
func (a *Agents) Revoke(ctx context.Context, school string) error {
	err := a.do(ctx, school, readTime, "revoke", "--yes")
	if err == nil || KindOf(err) == Off || KindOf(err) == Stranger {
		return err
	}
	s, failed := a.Status(context.WithoutCancel(ctx), school)
	if failed != nil || s.State != Revoked {
		return errors.Join(err, failed)
	}
	return nil
}
