package tds

// A Response is what a Session writes the outcome of a Request to. Its methods
// are called by one goroutine at a time, and only until Run returns. An error
// of any of them means that the client has gone, has cancelled, or that the
// rows do not fit the columns; Run must then return it.
type Response struct{}

// Columns begins a result set.
func (w *Response) Columns(columns []Column) error { return errNotYet }

// Row sends one row of the result set begun last, with a value as package
// sqltype describes for each column. It waits while the client does not read.
func (w *Response) Row(values []any) error { return errNotYet }

// Done ends a statement: rows is how many it returned or changed, negative
// when it does not count (SET, USE, or NOCOUNT ON).
func (w *Response) Done(rows int64) error { return errNotYet }

// Info sends a message that is no error (PRINT, warnings).
func (w *Response) Info(number int32, class uint8, message string) error { return errNotYet }

// Database tells the client that USE has changed the database.
func (w *Response) Database(old, new string) error { return errNotYet }

// Begun tells the client that the batch itself has begun a transaction
// (BEGIN TRAN), Ended that it or the server has ended the one that was open.
func (w *Response) Begun() error { return errNotYet }

// Ended is the other end of Begun.
func (w *Response) Ended(committed bool) error { return errNotYet }

// Flush sends what has been written so far, for a Session that is about to
// wait. Nothing else needs it.
func (w *Response) Flush() error { return errNotYet }

// Cut drops the TCP connection at once, in the middle of whatever was being
// sent, as a server does that loses power.
func (w *Response) Cut() {}
