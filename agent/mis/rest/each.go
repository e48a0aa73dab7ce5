package rest

import (
	"context"
	"net/url"
	"time"
)

// A Request asks for rows, of one page or of many.
type Request struct {
	// What names what is asked for, in messages and in the log: "attendance".
	What string
	// Path is below the URL of the settings, already escaped; empty means that URL.
	Path  string
	Query url.Values
	// Rows is the path of members to the array of rows; empty means that the
	// answer itself is the array. An object in its place is one row.
	Rows   []string
	Paging Paging
	// Failed, if not nil, says of an envelope (the answer without its rows; nil if
	// the answer is the array; the answer itself if it is the one row) that it is
	// an error of the MIS. Its own error is not shown: it could quote the answer.
	Failed func(envelope any) (bool, error)
}

// A Cost is what a session asked of the MIS.
type Cost struct {
	Requests int           // with tries again and tokens
	Rows     int64         // given to the caller
	Bytes    int64         // of answers, as they crossed the wire
	Time     time.Duration // from each request to the end of its answer, and waiting for a busy MIS
}

// A Session is one read of a MIS. It may be used concurrently; more than
// Settings.Connections calls at a time wait for each other.
type Session struct{}

// Open checks the settings; it connects to nothing. An error is a *Fault.
func Open(set Settings, auth Auth) (*Session, error) {
	if _, err := address("address of the MIS", set.withDefaults().URL); err != nil {
		return nil, err
	}
	return &Session{}, nil
}

// Each asks for all pages of a request and gives each row to row, numbered from
// 1 through all pages, as it comes. A row is what gojq takes: nil, bool, int,
// *big.Int, float64, string, []any or map[string]any. What row returns ends the
// read and is returned as it is; any other error is a *Fault, or holds the end
// of ctx. The envelope is that of the last page, nil if there is none.
//
// row must not use the session: the connection is still busy with its answer.
func (s *Session) Each(ctx context.Context, r Request, row func(n int, row any) error) (any, error) {
	return nil, &Fault{Kind: Down, Text: "The MIS was not asked."}
}

// Cost is what was asked so far.
func (s *Session) Cost() Cost { return Cost{} }

// Close forgets the token and drops idle connections.
func (s *Session) Close() {}
