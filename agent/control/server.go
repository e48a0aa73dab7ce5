package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// A Refusal is a command that the service answered with no. Code is from the
// caller's closed list, Text for the person.
type Refusal struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Error is the text.
func (r *Refusal) Error() string { return r.Text }

// A Handler does one command. in is the request's JSON; what it returns is
// sent as JSON, or as it is if it is []byte. An error that is not a *Refusal is
// sent with an empty Code.
type Handler func(ctx context.Context, in json.RawMessage) (any, error)

// ErrInUse is returned where another process already serves the directory.
var ErrInUse = errors.New("a service is already running for this data directory")

const (
	maxRequest = 64 << 10
	grace      = 5 * time.Second
)

// Serve answers commands until ctx ends, then lets those under way finish for
// a few seconds. It closes l.
func Serve(ctx context.Context, l net.Listener, handlers map[string]Handler) error {
	mux := http.NewServeMux()
	for name, h := range handlers {
		mux.HandleFunc("POST /v1/"+name, func(w http.ResponseWriter, r *http.Request) { answer(w, r, h) })
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve the control socket: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := server.Shutdown(last)
	if err != nil {
		err = server.Close()
	}
	if <-ended; err != nil {
		return fmt.Errorf("close the control socket: %w", err)
	}
	return nil
}

func answer(w http.ResponseWriter, r *http.Request, h Handler) {
	in, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, &Refusal{Text: "the request is too large"})
		return
	}
	out, err := h(r.Context(), in)
	if err != nil {
		var no *Refusal
		if !errors.As(err, &no) {
			no = &Refusal{Text: err.Error()}
		}
		refuse(w, http.StatusConflict, no)
		return
	}
	data, raw := out.([]byte)
	if !raw {
		if data, err = json.Marshal(out); err != nil {
			refuse(w, http.StatusInternalServerError, &Refusal{Text: "the answer could not be written"})
			return
		}
	}
	// A command that has gone away is no fault of the service.
	_, _ = w.Write(data)
}

func refuse(w http.ResponseWriter, status int, no *Refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(no)
}
