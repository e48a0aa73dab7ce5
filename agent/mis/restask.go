package mis

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollbridge/agent/mis/rest"
	"rollbridge/shared/record"
)

// A restAsk is one resource with those about whom it is asked.
type restAsk struct {
	what   string // for messages
	d      record.Dataset
	own    *Asking
	pupils []string // for {pupil} and {pupils}
	keys   []string // for {key}
	token  string   // for {token}
	// envelope gets that of each request's last page, page that of every page.
	envelope func(any) error
	page     func(any)
}

// A made is one request that was made of an asking.
type made struct {
	pupil, key string
	pupils     []string // asked about; nil for everybody
	values     map[string]string
	vars       []any // of expressions, once for all rows
}

// request makes every request of an asking, all its pages, and hands over the
// rows that `each` makes of the answers', as they come.
func (q *restReading) request(ctx context.Context, a restAsk, use func(m made, row any) error) error {
	each, err := q.jq.optional(a.own.Each)
	if err != nil {
		return err
	}
	paging, err := q.pagingOf(a.own)
	if err != nil {
		return err
	}
	for _, m := range q.requests(a) {
		vars := q.variables(m)
		m.vars = vars
		r := q.plan.rest.requestOf(a, m, paging, q)
		if failed := r.Failed; a.page != nil {
			r.Failed = func(envelope any) (bool, error) { // it sees every page
				a.page(envelope)
				if failed == nil {
					return false, nil
				}
				return failed(envelope)
			}
		}
		envelope, err := q.session.Each(ctx, r, func(n int, row any) error {
			if each == nil {
				return use(m, row)
			}
			err := each.run(ctx, row, vars, func(row any) error {
				if err := use(m, row); err != nil {
					return &ofCaller{err}
				}
				return nil
			})
			return q.eachFault(ctx, a, n, err)
		})
		if err != nil {
			return restFault(a.d, err)
		}
		if err := q.take(ctx, a, envelope); err != nil {
			return err
		}
	}
	return nil
}

// An ofCaller is an error that is none of jq.
type ofCaller struct{ err error }

func (e *ofCaller) Error() string { return e.err.Error() }

// eachFault puts a failure of `each` into the words of a read.
func (q *restReading) eachFault(ctx context.Context, a restAsk, n int, err error) error {
	var own *ofCaller
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own.err
	case ctx.Err() != nil:
		return fmt.Errorf("read %s: %w", a.what, ctx.Err())
	}
	return fault(a.d, "row %d of the answer for %s, each: %s", n, a.what, cannot(err))
}

// take looks at the envelope of the last page of a request.
func (q *restReading) take(ctx context.Context, a restAsk, envelope any) error {
	if a.envelope != nil {
		if err := a.envelope(envelope); err != nil {
			return err
		}
	}
	if q.envelopeTime == nil || envelope == nil {
		return nil
	}
	v, err := q.envelopeTime.one(ctx, envelope, q.variables(made{}))
	text, bad := textOf(v)
	if err != nil || bad != nil || text == "" {
		return nil // this resource does not say it
	}
	at, ok := readMoment(text, q.plan.layout)
	if !ok {
		return fault(a.d, "the answer for %s says under api.as_at no time that can be read: correct the expression so that it gives such as 2026-09-30T09:31:00", a.what)
	}
	if at = at.UTC(); at.Before(q.asAt) {
		q.asAt = at
	}
	return nil
}

// readMoment is a day with its time, by the clock in London where no zone is said.
func readMoment(text, layout string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, true
	}
	for _, day := range []string{layout, "2006-01-02"} {
		for _, clock := range []string{"T15:04:05", " 15:04:05", "T15:04", " 15:04"} {
			if t, err := time.ParseInLocation(day+clock, text, london); err == nil {
				return t, true
			}
		}
	}
	return time.Time{}, false
}

// requests are those that an asking needs: one for each pupil (and each code,
// where both are named), batch of pupils or key, times one for each slice of the year.
func (q *restReading) requests(a restAsk) []made {
	has := placeholdersOf(a.own)
	base := map[string]string{fillSince: dayText(q.year, q.plan.rest.form), fillToday: dayText(q.reading.ask.Today, q.plan.rest.form), fillYearEnd: dayText(yearEnd(q.year), q.plan.rest.form)}
	for name, value := range q.plan.rest.names {
		base[name] = value
	}
	if a.token != "" {
		base[fillToken] = a.token
	}
	var all []made
	switch {
	case slices.Contains(has, fillPupil):
		keys := a.keys
		if !slices.Contains(has, fillKey) {
			keys = []string{""}
		}
		for _, id := range a.pupils {
			for _, key := range keys {
				all = append(all, made{pupil: id, key: key, pupils: []string{id}, values: with(with(base, fillPupil, id), fillKey, key)})
			}
		}
	case slices.Contains(has, fillPupils):
		for batch := range slices.Chunk(a.pupils, a.own.Batch.Size) {
			var items []string
			for _, id := range batch {
				items = append(items, filled(a.own.Batch.Item, with(base, fillPupil, id), nil))
			}
			all = append(all, made{pupils: batch, values: with(base, fillPupils, strings.Join(items, a.own.Batch.Between))})
		}
	case slices.Contains(has, fillKey):
		for _, key := range a.keys {
			all = append(all, made{key: key, values: with(base, fillKey, key)})
		}
	default:
		all = []made{{values: base}}
	}
	if a.own.Windows == nil {
		return all
	}
	var sliced []made
	for _, m := range all {
		for _, s := range spans(span{q.year, q.reading.ask.Today}, a.own.Windows.Days) {
			one := m
			one.values = with(with(m.values, fillFrom, dayText(s.from, q.plan.rest.form)), fillTo, dayText(s.to, q.plan.rest.form))
			sliced = append(sliced, one)
		}
	}
	return sliced
}

func with(values map[string]string, name, value string) map[string]string {
	return overlaid(values, map[string]string{name: value})
}

// requestOf fills in the placeholders.
func (p *restPlan) requestOf(a restAsk, m made, paging rest.Paging, q *restReading) rest.Request {
	fill := func(values map[string]string) (string, url.Values) {
		query := url.Values{}
		for name, text := range a.own.Query.Parameters {
			query.Set(name, filled(text, values, nil))
		}
		return filled(a.own.Get, values, url.PathEscape), query
	}
	r := rest.Request{What: a.what, Paging: paging}
	if a.own.Rows != "" {
		r.Rows = strings.Split(a.own.Rows, ".")
	}
	r.Path, r.Query = fill(m.values)
	if slices.Contains(placeholdersOf(a.own), fillPage) {
		r.Paging.Fill = func(page int) (string, url.Values) { return fill(with(m.values, fillPage, fmt.Sprint(page))) }
	}
	if q.failed != nil {
		r.Failed = q.truth(q.failed)
	}
	return r
}

// pagingOf is how the answers of an asking are parted.
func (q *restReading) pagingOf(own *Asking) (rest.Paging, error) {
	from := own.Paging
	if from == nil {
		from = q.plan.rest.api.Paging
	}
	if from == nil {
		return rest.Paging{Kind: rest.PagingNone}, nil
	}
	made := rest.Paging{Kind: from.Kind, Page: from.Page, Size: from.Size, Rows: from.Rows, Short: from.Short}
	if from.Kind == rest.PagingPage {
		made.First = 1
	}
	if from.First != nil {
		made.First = *from.First
	}
	last, err := q.jq.optional(from.Last)
	next, bad := q.jq.optional(from.Next)
	count, worse := q.jq.optional(from.Count)
	if err = cmp.Or(err, bad, worse); err != nil {
		return made, err
	}
	if last != nil {
		made.Last = q.truth(last)
	}
	if next != nil {
		made.Next = func(envelope any) (string, error) {
			v, err := next.one(context.Background(), envelope, q.noVariables())
			if err != nil {
				return "", err
			}
			return textOf(v)
		}
	}
	if count != nil {
		made.Count = q.counter(count)
	}
	return made, nil
}

func (q *restReading) noVariables() []any { return q.variables(made{}) }

// truth is an expression over an envelope that is true or false.
func (q *restReading) truth(x *expression) func(any) (bool, error) {
	return func(envelope any) (bool, error) {
		v, err := x.one(context.Background(), envelope, q.noVariables())
		return v != nil && v != false, err
	}
}

// counter is an expression over an envelope that gives a number of rows.
func (q *restReading) counter(x *expression) func(any) (int, bool, error) {
	return func(envelope any) (int, bool, error) {
		v, err := x.one(context.Background(), envelope, q.noVariables())
		if err != nil || v == nil {
			return 0, false, err
		}
		n, ok := v.(int)
		if !ok || n < 0 {
			return 0, false, errShape
		}
		return n, true, nil
	}
}

// optional is an expression, nil for an empty text.
func (j jq) optional(text string) (*expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	x, err := j.compile(text)
	if err != nil {
		return nil, fmt.Errorf("compile an expression of the profile: %w", err)
	}
	return x, nil
}

// tokenReader finds a token, and how long it lives, in the answer that gives it.
func (j jq) tokenReader(from *AuthProfile) func(any) (string, time.Duration, error) {
	return func(answer any) (string, time.Duration, error) {
		token, err := j.optional(from.Token)
		seconds, bad := j.optional(from.Seconds)
		if err = cmp.Or(err, bad); err != nil {
			return "", 0, err
		}
		vars := make([]any, len(jqVariables))
		v, err := token.one(context.Background(), answer, vars)
		if err != nil {
			return "", 0, err
		}
		text, err := textOf(v)
		if err != nil || text == "" {
			return "", 0, cmp.Or(err, errShape)
		}
		var life time.Duration
		if seconds != nil {
			v, err := seconds.one(context.Background(), answer, vars)
			if err != nil {
				return "", 0, err
			}
			if life, err = secondsOf(v); err != nil {
				return "", 0, err
			}
		}
		return text, life, nil
	}
}

// secondsOf is a number of seconds; several interfaces write it as a text.
func secondsOf(v any) (time.Duration, error) {
	text, err := textOf(v)
	if err != nil || text == "" {
		return 0, err
	}
	d, err := time.ParseDuration(text + "s")
	if err != nil || d < 0 {
		return 0, errShape
	}
	return d, nil
}
