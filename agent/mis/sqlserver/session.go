package sqlserver

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// MaxQueries is how many statements a [Session] sends at most, its own
// included. The next one is refused before it is sent.
const MaxQueries = 100

// Cost is what a session has asked of the server so far.
type Cost struct {
	Queries int           `json:"queries"` // statements sent, the session's own included
	Rows    int64         `json:"rows"`
	Bytes   int64         `json:"bytes"`       // read from the network, encryption included
	Slowest time.Duration `json:"slowest_ns"`  // longest statement with its rows
	Total   time.Duration `json:"duration_ns"` // sum over the statements
}

// Values are what the parameters of a [Select] stand for, by name without @.
type Values struct {
	Lists map[string][]string // for IN (@name); at most one
	Dates map[string]string   // YYYY-MM-DD
	Texts map[string]string
}

// A Session is one connection for one read. It is not for concurrent use.
type Session struct{}

// Open connects, signs on and sets the session. Any error is a *[Fault], or
// that of ctx.
func Open(ctx context.Context, s Settings, log *slog.Logger) (*Session, error) {
	return nil, errors.New("the session cannot be opened yet")
}

// Query runs q and calls row for each row, in the server's order. The cells are
// used again for the next row. A list is sent in chunks of 500 values, one
// statement each; an empty list sends nothing. An error of row ends the query
// and is returned as it is; any other error is a *[Fault], or that of ctx.
func (s *Session) Query(ctx context.Context, q Select, v Values, row func(cells []Cell) error) error {
	return errors.New("the session cannot ask yet")
}

// Cost is what was asked so far. It stays after Close.
func (s *Session) Cost() Cost { return Cost{} }

// Close rolls back what is open and hangs up. It may be called twice.
func (s *Session) Close() error { return nil }

// A fixed is one of this package's own statements. Each is a package variable
// made by fix, so that the set is complete before the first connection is made:
//
//	var askVersion = fix(`SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(40)) AS v`)
//
// It may use parameters @p1, @p2, …; a text for a variable number of values is
// written for the largest number and the rest is given as nil.
type fixed struct{ text string }

// fix adds a statement to the package's own. Only package variables call it.
func fix(text string) fixed { return fixed{text: text} }

// ask runs one of the package's own statements. args become @p1, @p2, … and are
// strings (sent as nvarchar), ints, or nil (an nvarchar NULL). Cells, limits,
// cost and errors are those of [Session.Query].
func (s *Session) ask(ctx context.Context, f fixed, args []any, row func(cells []Cell) error) error {
	return errors.New("the session cannot ask yet")
}

// place names the server as people write it, for a sentence.
func (s *Session) place() string { return "" }
