package rest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/url"
	"strings"
)

// A Request asks for rows, of one page or of many.
type Request struct {
	// What names what is asked for, in messages and in the log: "attendance".
	What string
	// Path is below the URL of the settings, already escaped; empty means that URL.
	Path  string
	Query url.Values
	// Rows is the path of members to the array of rows; empty means that the
	// answer itself is the array. An object in its place is one row. A last
	// element FirstArray means the first member that is an array.
	Rows   []string
	Paging Paging
	// Failed, if not nil, says of an envelope (the answer without its rows; the
	// answer itself if it is the one row) that it is an error of the MIS. It is
	// not asked if the answer is the array. Its own error is not shown: it could
	// quote the answer.
	Failed func(envelope any) (bool, error)
}

// FirstArray, in Request.Rows, is for a MIS whose lists say in no document what
// their array is called.
const FirstArray = "*"

// Each asks for all pages of a request and gives each row to row, numbered from
// 1 through all pages, as it comes. A row is what gojq takes: nil, bool, int,
// *big.Int, float64, string, []any or map[string]any. What row returns ends the
// read and is returned as it is; any other error is a *Fault, or holds the end
// of ctx. The envelope is that of the last page, nil if there is none.
//
// If a connection breaks in the middle of a page, the page is asked for again;
// rows that were given are compared and not given twice.
//
// row must not use the session: the connection is still busy with its answer.
func (s *Session) Each(ctx context.Context, r Request, row func(n int, row any) error) (any, error) {
	if s.set.AnyCase {
		small := make([]string, len(r.Rows))
		for i, name := range r.Rows {
			small[i] = strings.ToLower(name)
		}
		r.Rows = small
	}
	w, err := newWalk(s, r)
	if err != nil {
		return nil, err
	}
	give := func(v any) error {
		w.rows++
		s.rows.Add(1)
		if err := row(w.rows, v); err != nil {
			return &rowError{err}
		}
		return nil
	}
	for {
		got, err := s.page(ctx, r, w.target, give)
		var own *rowError
		if errors.As(err, &own) {
			return nil, own.err
		}
		if err != nil {
			return nil, err
		}
		more, err := w.next(got)
		if err != nil {
			return nil, err
		}
		if !more {
			return got.envelope, nil
		}
	}
}

// A page is what was read of one.
type page struct {
	envelope any
	rows     int
	sum      uint64 // of its rows
	none     bool   // 204: there is nothing
}

// page asks for one page, as soon as fewer than Settings.Connections others do.
func (s *Session) page(ctx context.Context, r Request, target *url.URL, give func(row any) error) (page, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return page{}, fmt.Errorf("ask the MIS for %s: %w", r.What, context.Cause(ctx))
	}
	var got page
	reading := &reading{session: s, request: r, give: give, seed: seed}
	c := &call{session: s, ctx: ctx, what: r.What, read: func(body io.Reader) (err error) {
		got, err = reading.page(body)
		return err
	}}
	return got, c.do(target)
}

// seed makes sums of pages comparable.
var seed = maphash.MakeSeed()

// A reading is one page through all its tries.
type reading struct {
	session *Session
	request Request
	give    func(row any) error
	seed    maphash.Seed

	given int    // rows so far, in all tries
	sum   uint64 // of these rows
}

// page reads the answer of one try.
func (r *reading) page(body io.Reader) (page, error) {
	if body == nil {
		if r.given > 0 {
			return page{}, r.changed()
		}
		return page{none: true}, nil
	}
	d := newDecoder(body, r.session.set.AnswerBytes, r.session.set.AnyCase, r.seed)
	d.emit = func(row any) error { return r.row(d, row) }
	envelope, alone, err := d.answer(r.request.Rows)
	if err != nil {
		return page{}, err
	}
	if err := r.failed(envelope); err != nil {
		return page{}, err
	}
	if !d.found {
		f := dataFault("The answer to the request for %s holds no rows where the profile expects them. Ask whoever looks after the MIS whether this account may read it, and check whether the profile is for this version of the MIS.", r.request.What)
		f.NoRows = true
		return page{}, f
	}
	if alone {
		if err := d.emit(envelope); err != nil {
			return page{}, err
		}
	}
	if d.rows < r.given {
		return page{}, r.changed()
	}
	return page{envelope: envelope, rows: d.rows, sum: d.hash.Sum64()}, nil
}

// row gives a row that no earlier try gave.
func (r *reading) row(d *decoder, row any) error {
	if d.rows < r.given {
		return nil
	}
	sum := d.hash.Sum64()
	if d.rows == r.given {
		if sum != r.sum {
			return r.changed()
		}
		return nil
	}
	r.given, r.sum = d.rows, sum
	return r.give(row)
}

func (r *reading) changed() error {
	return &Fault{Kind: Down, Text: fmt.Sprintf("The connection broke while %s was read, and the MIS gave other rows when it was asked again. It is asked again at the next read; nothing is lost.", r.request.What)}
}

// failed says that an answer with HTTP 200 is an error.
func (r *reading) failed(envelope any) error {
	if r.request.Failed == nil || envelope == nil {
		return nil
	}
	failed, err := r.request.Failed(envelope)
	switch {
	case err != nil:
		return expressionFault(r.request.What, "failed", err)
	case failed:
		return &Fault{Kind: Data, Status: 200, Text: fmt.Sprintf("The MIS answered the request for %s with an error of its own instead of data. Ask whoever looks after the MIS whether this account may read it, and whether the MIS is in order.", r.request.What)}
	}
	return nil
}

// expressionFault hides what an expression over an answer says: it could quote it.
func expressionFault(what, name string, err error) error {
	var fault *Fault
	if errors.As(err, &fault) {
		return fault
	}
	return dataFault("The expression %s of the profile cannot be worked out on the answer to the request for %s. Check whether the profile is for this version of the MIS.", name, what)
}
