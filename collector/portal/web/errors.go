package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"rollbridge/shared/logkey"
)

// ErrNotFound is of an object that is not there, and of one of another authority.
var ErrNotFound = errors.New("there is nothing at this address")

var (
	errForbidden = errors.New("this person has not the right to this page")
	errForeign   = errors.New("the form was sent from another site")
	errMethod    = errors.New("the page does not take this method")
	errNonsense  = errors.New("what was sent is no form")
)

// A BusyError says that something was asked too often.
type BusyError struct{ Wait time.Duration }

func (e *BusyError) Error() string { return "asked too often" }

// fail shows the error page of what went wrong, and logs a fault of our own.
func (s *Site) fail(v *Visit, err error) {
	var busy *BusyError
	var big *http.MaxBytesError
	p := Page{Name: "message"}
	switch {
	case errors.Is(err, ErrNotFound):
		p.Code, p.Title, p.Data = http.StatusNotFound, v.T("web.not-found.title"), v.T("web.not-found.text")
	case errors.Is(err, errForbidden):
		p.Code, p.Title, p.Data = http.StatusForbidden, v.T("web.forbidden.title"), v.T("web.forbidden.text")
	case errors.Is(err, errForeign):
		p.Code, p.Title, p.Data = http.StatusForbidden, v.T("web.foreign.title"), v.T("web.foreign.text")
	case errors.Is(err, errMethod):
		p.Code, p.Title, p.Data = http.StatusMethodNotAllowed, v.T("web.method.title"), v.T("web.method.text")
	case errors.Is(err, errNonsense):
		p.Code, p.Title, p.Data = http.StatusBadRequest, v.T("web.nonsense.title"), v.T("web.nonsense.text")
	case errors.As(err, &big):
		p.Code, p.Title, p.Data = http.StatusRequestEntityTooLarge, v.T("web.too-large.title"), v.T("web.too-large.text")
	case errors.As(err, &busy):
		v.W.Header().Set("Retry-After", strconv.Itoa(int((busy.Wait+time.Second-1)/time.Second)))
		p.Code, p.Title, p.Data = http.StatusTooManyRequests, v.T("web.busy.title"), v.T("web.busy.text", "Wait", v.Spell(busy.Wait))
	default:
		s.logFault(v, err)
		p.Code, p.Title, p.Data = http.StatusInternalServerError, v.T("web.fault.title"), v.T("web.fault.text", "Time", v.Time(v.Now))
	}
	if err := v.Show(ownPages, p); err != nil {
		s.logFault(v, err)
		http.Error(v.W, p.Title, p.Code)
	}
}

func (s *Site) logFault(v *Visit, err error) {
	if !errors.Is(err, context.Canceled) {
		s.Log.Error("a page could not be shown", logkey.Route, v.R.Pattern, logkey.Error, err.Error())
	}
}

// lost answers where the session could not be read or written.
func (s *Site) lost(w http.ResponseWriter, r *http.Request, err error) {
	s.fail(&Visit{W: w, R: r, Now: s.Now(), Printer: s.chosen(r, noUser), site: s}, err)
}
