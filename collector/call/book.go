package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/record"
	"rollbridge/shared/status"
)

// A Book keeps calls. It may be used concurrently, and by several processes.
type Book struct {
	store *store.Store
	vault *vault.Vault
}

// New keeps calls in a store, sealed with the keys of a vault.
func New(s *store.Store, v *vault.Vault) *Book { return &Book{s, v} }

// A Then is what else belongs to the same transaction, such as the entry in the
// audit log; nil is nothing. It comes last.
type Then func(*store.Tx) error

func (t Then) do(tx *store.Tx) error {
	if t == nil {
		return nil
	}
	return t(tx)
}

// What callers branch on.
var (
	// ErrUsed: a call of this id is recorded already, and says something else. The
	// one that is recorded comes with it.
	ErrUsed = errors.New("this form was recorded already, and said something else")
	// ErrIncomplete: what our own form always sends is not there.
	ErrIncomplete = errors.New("the call does not say which it is, to whom, by whom or about which register")
	// ErrNotFound: no such school or child of this authority, or no such call.
	ErrNotFound = store.ErrNotFound
	// ErrClaimed: somebody else is calling the school. The claim comes with it.
	ErrClaimed = store.ErrClaimed
)

// A Recorded call, and what else was recorded of the school since the form was
// opened.
type Recorded struct {
	Call Call
	// Again says that the same form was recorded before.
	Again bool
	// Others are calls to the school about the same register by other people, made
	// since the form was opened.
	Others []Call
}

// Record records a call that a person of the sight's authority made; opened is
// when the form was. The caller fills all but Authority, ByName and Corrected.
// Errors are a *FaultError for what was typed, ErrUsed, ErrIncomplete and ErrNotFound. then does
// not run for a form that was recorded before.
func (b *Book) Record(ctx context.Context, sight store.Sight, c Call, opened time.Time, then Then) (done Recorded, err error) {
	c.Authority = sight.Authority
	c = c.tidy()
	c.At = c.At.Truncate(time.Microsecond).UTC()
	err = b.store.Write(ctx, func(tx *store.Tx) error {
		done = Recorded{}
		if err := tx.LockSchool(ctx, c.School); err != nil {
			return err
		}
		before, err := b.find(ctx, tx, sight, c.School, c.ID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil {
			return again(&done, before, c)
		}
		if err := b.may(ctx, tx, sight, c); err != nil {
			return err
		}
		if err := c.check(c.At); err != nil {
			return err
		}
		row, err := c.row()
		if err != nil {
			return err
		}
		if err := tx.AddCall(ctx, b.vault, row); err != nil {
			return err
		}
		if err := tx.DropClaims(ctx, c.Authority, c.School, c.Day, c.By); err != nil {
			return err
		}
		done.Call = c
		if done.Others, err = b.since(ctx, tx, c, opened); err != nil {
			return err
		}
		return then.do(tx)
	})
	return done, wrap(err, "record a call to %s", c.School)
}

// again answers a form that was sent before.
func again(done *Recorded, before, c Call) error {
	if before.By != c.By {
		return ErrNotFound
	}
	*done = Recorded{Call: before, Again: true}
	if !before.same(c) {
		return ErrUsed
	}
	return nil
}

// may refuses a school or a child that is not of the authority.
func (b *Book) may(ctx context.Context, tx *store.Tx, sight store.Sight, c Call) error {
	known, err := tx.AuthorityKnows(ctx, sight.Authority, c.School)
	if err != nil {
		return err
	}
	if !known {
		return ErrNotFound
	}
	if c.Corrects != "" {
		old, err := b.find(ctx, tx, sight, c.School, c.Corrects)
		if err != nil {
			return err
		}
		if old.Day != c.Day || old.Session != c.Session {
			return errors.New("a correction is about the same register as the call that it corrects")
		}
	}
	if len(c.Children) == 0 {
		return nil
	}
	on, err := tx.ChildrenOf(ctx, sight.Authority, c.School)
	if err != nil {
		return err
	}
	for _, o := range c.Children {
		if !on[o.Pupil] || !sees(sight, c.School, o.Pupil) {
			return ErrNotFound
		}
	}
	return nil
}

func (b *Book) find(ctx context.Context, tx *store.Tx, sight store.Sight, school, id string) (Call, error) {
	rows, err := tx.Calls(ctx, b.vault, store.CallQuery{Authority: sight.Authority, School: school, ID: id})
	if err != nil {
		return Call{}, err
	}
	list, err := seen(sight, rows)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Call{}, err
	}
	return list[0], nil
}

func (b *Book) since(ctx context.Context, tx *store.Tx, c Call, opened time.Time) ([]Call, error) {
	rows, err := tx.Calls(ctx, b.vault, store.CallQuery{Authority: c.Authority, School: c.School, From: c.Day, To: c.Day})
	if err != nil {
		return nil, err
	}
	list, err := seen(store.Sight{Authority: c.Authority}, rows)
	return slices.DeleteFunc(list, func(o Call) bool {
		return o.By == c.By || o.Session != c.Session || o.At.Before(opened) || opened.IsZero()
	}), err
}

// Find finds one call; ErrNotFound if there is none, or of another authority.
func (b *Book) Find(ctx context.Context, sight store.Sight, school, id string) (c Call, err error) {
	err = b.store.Read(ctx, func(tx *store.Tx) error {
		c, err = b.find(ctx, tx, sight, school, id)
		return err
	})
	return c, err
}

// OfDay lists the calls about a day's registers, the newest first.
func (b *Book) OfDay(ctx context.Context, sight store.Sight, day record.Date) ([]Call, error) {
	return b.read(ctx, sight, store.CallQuery{Authority: sight.Authority, From: day, To: day})
}

// FollowUps lists the calls after which somebody is to call again on the day of now,
// or was to before, and nobody has. today are the calls of the day: one that reached
// nobody ends nothing, unless it says when to call next.
func (b *Book) FollowUps(ctx context.Context, sight store.Sight, now time.Time, today []Call) ([]Call, error) {
	from, until := dayOf(now)
	list, err := b.read(ctx, sight, store.CallQuery{Authority: sight.Authority, FollowUp: until, Called: from})
	return slices.DeleteFunc(list, func(c Call) bool {
		return c.Corrected || slices.ContainsFunc(today, func(o Call) bool {
			return o.School == c.School && o.At.After(c.At) && !o.Corrected && (o.Outcome.Settles() || !o.FollowUp.IsZero()) && o.covers(c)
		})
	}), err
}

// covers says whether a call was about all that another was: about the school as a
// whole, or about each child that the other names.
func (c Call) covers(o Call) bool {
	return len(c.Children) == 0 || !slices.ContainsFunc(o.Children, func(child Child) bool { return !c.About(child.Pupil) })
}

// dayOf is the midnights that begin and end a moment's day in London.
func dayOf(now time.Time) (from, until time.Time) {
	y, m, d := now.In(status.London()).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, status.London()), time.Date(y, m, d+1, 0, 0, 0, 0, status.London())
}

func (b *Book) read(ctx context.Context, sight store.Sight, q store.CallQuery) (list []Call, err error) {
	err = b.store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Calls(ctx, b.vault, q)
		if err == nil {
			list, err = seen(sight, rows)
		}
		return err
	})
	return list, err
}

// A Filter narrows a contact history; what is empty does not.
type Filter struct {
	School string
	// Child is one at the school: calls about the child, without the others.
	Child    record.PupilID
	From, To record.Date
	By       string
	// Page is from 1, Size how many calls are on one; no Size is all.
	Page, Size int
}

// History lists the calls that a filter asks for, the newest first, and says how
// many there are on all pages.
func (b *Book) History(ctx context.Context, sight store.Sight, f Filter) (list []Call, total int, err error) {
	q := store.CallQuery{Authority: sight.Authority, School: f.School, From: f.From, To: f.To, By: f.By}
	err = b.store.Read(ctx, func(tx *store.Tx) error {
		// What only the sealed part says is looked for in all of it.
		whole := f.Child != "" || sight.Only != nil || f.Size <= 0
		if !whole {
			q.Limit, q.Offset = f.Size, (max(f.Page, 1)-1)*f.Size
			if total, err = tx.CountCalls(ctx, q); err != nil {
				return err
			}
		}
		rows, err := tx.Calls(ctx, b.vault, q)
		if err == nil {
			list, err = seen(sight, rows)
		}
		if err != nil || !whole {
			return err
		}
		if f.Child != "" {
			ids, err := tx.WasIDs(ctx, f.School, f.Child)
			if err != nil {
				return err
			}
			list = aboutOnly(list, append(ids, f.Child))
		}
		total = len(list)
		list = piece(list, f)
		return nil
	})
	return list, total, err
}

func piece(list []Call, f Filter) []Call {
	if f.Size <= 0 {
		return list
	}
	from := min((max(f.Page, 1)-1)*f.Size, len(list))
	return list[from:min(from+f.Size, len(list))]
}

// OfChild lists the calls about a child, also those that name an id that the
// child had before.
func (b *Book) OfChild(ctx context.Context, sight store.Sight, child store.Child) ([]Call, error) {
	list, _, err := b.History(ctx, sight, Filter{School: child.School, Child: child.Pupil})
	return list, err
}

// A PhoneMark is a mark that a school gave by phone.
type PhoneMark struct {
	Day        record.Date
	Session    status.Session
	Code       string
	By, ByName string
	At         time.Time
}

// ByPhone finds the marks that schools gave by phone for a session, the newest
// for each child. They stand beside the register, never in place of it.
func (b *Book) ByPhone(ctx context.Context, sight store.Sight, day record.Date, session status.Session) (map[store.Child]PhoneMark, error) {
	list, err := b.OfDay(ctx, sight, day)
	return Marks(list, session), err
}

// Marks are the marks of a session among calls, the newest for each child.
func Marks(calls []Call, session status.Session) map[store.Child]PhoneMark {
	marks := map[store.Child]PhoneMark{}
	for _, c := range calls {
		if c.Corrected || c.Session != session {
			continue
		}
		for _, o := range c.Children {
			child := store.Child{School: c.School, Pupil: o.Pupil}
			if had, ok := marks[child]; o.Mark != "" && (!ok || had.At.Before(c.At)) {
				marks[child] = PhoneMark{c.Day, c.Session, o.Mark, c.By, c.ByName, c.At}
			}
		}
	}
	return marks
}

// MarksOf finds the marks that a school gave by phone for one child on days from
// first to last, the newest for each session.
func (b *Book) MarksOf(ctx context.Context, sight store.Sight, child store.Child, first, last record.Date) (marks []PhoneMark, err error) {
	calls, _, err := b.History(ctx, sight, Filter{School: child.School, Child: child.Pupil, From: first, To: last})
	// The newest come first.
	for _, c := range calls {
		if c.Corrected || slices.ContainsFunc(marks, func(m PhoneMark) bool { return m.Day == c.Day && m.Session == c.Session }) {
			continue
		}
		if code := c.Children[0].Mark; code != "" {
			marks = append(marks, PhoneMark{c.Day, c.Session, code, c.By, c.ByName, c.At})
		}
	}
	return marks, err
}

// aboutOnly are the calls about a child, by its ids, without the other children.
func aboutOnly(calls []Call, ids []record.PupilID) (list []Call) {
	for _, c := range calls {
		c.Children = slices.DeleteFunc(slices.Clone(c.Children), func(o Child) bool { return !slices.Contains(ids, o.Pupil) })
		if len(c.Children) > 0 {
			list = append(list, c)
		}
	}
	return list
}

// Forget forgets the calls of days before a day, school by school in small
// pieces, and counts them.
func (b *Book) Forget(ctx context.Context, before record.Date) (n int64, err error) {
	ids, err := b.store.SchoolIDs(ctx)
	for _, id := range ids {
		for more := true; more && err == nil; {
			var gone int64
			err = b.store.Write(ctx, func(tx *store.Tx) error {
				gone, err = tx.ForgetCalls(ctx, id, before)
				return err
			})
			n, more = n+gone, gone > 0
		}
	}
	return n, err
}

// seen opens rows for a person: who sees only some children sees only calls about
// these, without the others, and without free text, which may be about others.
func seen(sight store.Sight, rows []store.Call) ([]Call, error) {
	list := make([]Call, 0, len(rows))
	for _, r := range rows {
		c, err := fromRow(r)
		if err != nil {
			return nil, err
		}
		if sight.Only != nil {
			c.Children = slices.DeleteFunc(c.Children, func(o Child) bool { return !sees(sight, c.School, o.Pupil) })
			c.Reason, c.Note = "", ""
			if len(c.Children) == 0 {
				continue
			}
		}
		list = append(list, c)
	}
	return list, nil
}

func sees(sight store.Sight, school string, pupil record.PupilID) bool {
	return sight.Only == nil || slices.Contains(sight.Only, store.Child{School: school, Pupil: pupil})
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
