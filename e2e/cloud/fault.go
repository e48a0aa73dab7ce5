package cloud

import (
	"bytes"
	"cmp"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Fault is something that goes wrong with some requests.
type Fault struct {
	// Path is what the request's path begins with; "" is every one.
	Path string
	// Skip is how many requests of that path are answered well first.
	Skip int
	// Times is how many it is done to; 0 is every one from then on.
	Times int
	Kind  Kind
	// Seconds go into the header Retry-After of a Status; 0 is no header.
	Seconds int
	// Body is what a Status, Garbage or Login says; "" is something of the kind.
	Body string
}

// A Kind of fault.
type Kind struct {
	name   string
	status int
}

// Status answers with that status.
func Status(status int) Kind { return Kind{"status", status} }

// Other kinds.
var (
	Cut          = Kind{name: "half of the body, then the connection is broken"}
	Half         = Kind{name: "half of the body, as if it were all"}
	Drip         = Kind{name: "a byte a second"}
	Slow         = Kind{name: "no answer"}
	Garbage      = Kind{name: "words in place of JSON"}
	Login        = Kind{name: "the page of a filter, with status 200"}
	Redirect     = Kind{name: "sent on to another address"}
	Empty        = Kind{name: "an empty object"}
	SamePage     = Kind{name: "the first answer of that path, for ever"}
	WrongCharset = Kind{name: "ISO-8859-1, and says so"}
	BadUTF8      = Kind{name: "bytes that are no UTF-8"}
	Bigger       = Kind{name: "a member of 64 MiB before the others"}
	ExpireToken  = Kind{name: "every token ends, then the request is answered"}
)

// An Expirer is a handler whose tokens ExpireToken ends.
type Expirer interface{ Expire() }

type staged struct {
	Fault
	matched int
	first   map[string]answer // by path, for SamePage
}

// fault is what is done to a request; nil is nothing.
func (s *Server) fault(r *http.Request) *staged {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if !strings.HasPrefix(r.URL.Path, f.Path) {
			continue
		}
		f.matched++
		if n := f.matched - f.Skip; n > 0 && (f.Times == 0 || n <= f.Times) {
			return f
		}
	}
	return nil
}

func (f *staged) do(s *Server, w http.ResponseWriter, r *http.Request) {
	switch f.Kind {
	case Slow:
		<-r.Context().Done()
		return
	case Redirect:
		http.Redirect(w, r, "/moved"+r.URL.Path, http.StatusFound)
		return
	case Garbage:
		answer{body: []byte(cmp.Or(f.Body, "The service is being upgraded."))}.send(w)
		return
	case Login:
		page := cmp.Or(f.Body, "<!doctype html><title>Sign in</title><form></form>")
		answer{header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: []byte(page)}.send(w)
		return
	case Empty:
		answer{body: []byte("{}")}.send(w)
		return
	case ExpireToken:
		if tokens, ok := s.handler.(Expirer); ok {
			s.Change(tokens.Expire)
		}
		s.ask(w, r)
		return
	}
	if f.Kind.status != 0 {
		f.refuse(w)
		return
	}
	kept := &recorder{header: http.Header{}}
	s.ask(kept, r)
	f.spoil(s, kept.answer(r.URL.Path), w)
}

func (f *staged) refuse(w http.ResponseWriter) {
	a := answer{status: f.Kind.status, header: jsonHeader(), body: []byte(cmp.Or(f.Body, `{"message":"no"}`))}
	if f.Seconds > 0 {
		a.header.Set("Retry-After", strconv.Itoa(f.Seconds))
	}
	a.send(w)
}

// spoil sends an answer of the handler as the fault has it.
func (f *staged) spoil(s *Server, a answer, w http.ResponseWriter) {
	switch f.Kind {
	case Cut:
		a.cut(w)
		return
	case Drip:
		a.drip(w)
		return
	case Half:
		a.body = a.body[:len(a.body)/2]
	case SamePage:
		a = s.firstOf(f, a)
	case WrongCharset:
		a.header.Set("Content-Type", "application/json; charset=iso-8859-1")
		a.body = latin1(a.body)
	case BadUTF8:
		a.body = bytes.ReplaceAll(a.body, []byte(`":"`), []byte("\":\"\xff"))
	case Bigger:
		big := append([]byte(`{"padding":"`), bytes.Repeat([]byte("x"), 64<<20)...)
		if rest, ok := bytes.CutPrefix(bytes.TrimSpace(a.body), []byte("{")); ok {
			a.body = append(append(big, `",`...), rest...)
		} else {
			a.body = append(append([]byte("["), append(big, `"},`...)...), bytes.TrimPrefix(a.body, []byte("["))...)
		}
	}
	a.send(w)
}

func (s *Server) firstOf(f *staged, a answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, there := f.first[a.path]
	if !there {
		f.first[a.path], first = a, a
	}
	return first
}

func latin1(body []byte) []byte {
	var out bytes.Buffer
	for len(body) > 0 {
		r, n := utf8.DecodeRune(body)
		body = body[n:]
		if r > 0xff {
			r = '?'
		}
		out.WriteByte(byte(r))
	}
	return out.Bytes()
}

// answer is one whole answer.
type answer struct {
	path   string
	status int
	header http.Header
	body   []byte
}

func jsonHeader() http.Header { return http.Header{"Content-Type": {"application/json"}} }

// begin sends everything but the body.
func (a answer) begin(w http.ResponseWriter) {
	header := a.header
	if header == nil {
		header = jsonHeader()
	}
	maps.Copy(w.Header(), header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(cmp.Or(a.status, http.StatusOK))
}

func (a answer) send(w http.ResponseWriter) {
	if a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	a.begin(w)
	_, _ = w.Write(a.body) // a client that has gone is no fault of the double
}

// cut announces the whole body and sends half.
func (a answer) cut(w http.ResponseWriter) {
	a.begin(w)
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func (a answer) drip(w http.ResponseWriter) {
	a.begin(w)
	for _, b := range a.body {
		if _, err := w.Write([]byte{b}); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// recorder keeps what a handler answers.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *recorder) Header() http.Header { return k.header }

func (k *recorder) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *recorder) Write(p []byte) (int, error) { return k.body.Write(p) }

func (k *recorder) answer(path string) answer {
	return answer{path: path, status: k.status, header: k.header, body: k.body.Bytes()}
}
