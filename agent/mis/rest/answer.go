package rest

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// answered reads the answer of one try.
func (c *call) answered(response *http.Response) error {
	defer response.Body.Close()
	switch status := response.StatusCode; {
	case status == http.StatusOK:
		return c.readBody(response)
	case status == http.StatusNoContent:
		return c.read(nil)
	default:
		// A short body is read so that its connection can be used again.
		_, _ = io.CopyN(io.Discard, response.Body, 4<<10)
		if status == http.StatusUnauthorized {
			return errUnauthorized
		}
		if busy(status) {
			return &againError{status: status, after: retryAfter(response.Header)}
		}
		return c.statusFault(status)
	}
}

func (c *call) readBody(response *http.Response) error {
	if err := c.checkType(response.Header.Get("Content-Type")); err != nil {
		return err
	}
	body := io.Reader(response.Body)
	switch coding := strings.ToLower(response.Header.Get("Content-Encoding")); coding {
	case "", "identity":
	case "gzip", "x-gzip":
		body = &unpacked{packed: response.Body}
	default:
		return dataFault("The MIS packs the answer to the request for %s in a way that it was not asked for. Ask whoever looks after the MIS, or the web filter in front of it.", c.what)
	}
	return c.bodyError(response, c.read(body))
}

// checkType lets JSON in UTF-8 through. An answer without a type may be it.
func (c *call) checkType(text string) error {
	if text == "" {
		return nil
	}
	kind, parameters, err := mime.ParseMediaType(text)
	switch {
	case kind != "application/json" && kind != "text/json" && !strings.HasSuffix(kind, "+json"):
		return &Fault{Kind: Data, Status: http.StatusOK, Text: fmt.Sprintf("What answered the request for %s sent something else than data (no JSON): a web filter or a login page may have answered in place of the MIS. Check the address of the MIS in the settings, and ask for it to be exempted from filtering.", c.what)}
	case err != nil:
		return nil // a parameter that is not understood
	}
	switch strings.ToLower(parameters["charset"]) {
	case "", "utf-8", "utf8", "us-ascii":
		return nil
	}
	return &Fault{Kind: Data, Status: http.StatusOK, Text: fmt.Sprintf("The MIS sends %s in another encoding than UTF-8, in which names could be misread. Ask the supplier of the MIS for UTF-8.", c.what)}
}

// bodyError says what an error of reading a body means. The wire comes first: of
// a broken one, nothing that is read tells anything.
func (c *call) bodyError(response *http.Response, err error) error {
	var (
		row     *rowError
		fault   *Fault
		form    formError
		syntax  *json.SyntaxError
		corrupt flate.CorruptInputError
	)
	m, _ := response.Body.(*meter)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &row), errors.As(err, &fault):
		return err
	case m != nil && m.err != nil:
		return &againError{err: m.err, slow: timedOut(m.err)}
	case errors.As(err, &form):
		return dataFault("The answer to the request for %s cannot be used: %s.", c.what, string(form))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		if response.ContentLength < 0 && len(response.TransferEncoding) == 0 {
			// Only the end of the connection ends such an answer: it may have broken.
			return &againError{err: io.ErrUnexpectedEOF}
		}
		return dataFault("The answer to the request for %s ends in the middle. Ask the supplier of the MIS, or of the web filter in front of it.", c.what)
	case errors.Is(err, encoding.ErrInvalidUTF8):
		return dataFault("The answer to the request for %s is not UTF-8, so names could be misread. Ask the supplier of the MIS.", c.what)
	case errors.As(err, &syntax):
		return dataFault("The answer to the request for %s is not well-formed JSON. Ask the supplier of the MIS, or of the web filter in front of it.", c.what)
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return dataFault("The answer to the request for %s is damaged: it cannot be unpacked. Ask the supplier of the MIS, or of the web filter in front of it.", c.what)
	}
	return dataFault("The answer to the request for %s cannot be read. Ask the supplier of the MIS.", c.what)
}

// unpacked unpacks gzip; it reads nothing before it is read.
type unpacked struct {
	packed io.Reader
	gzip   *gzip.Reader
	err    error // of the header; text looks at it and then reads again
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.gzip == nil && u.err == nil {
		u.gzip, u.err = gzip.NewReader(u.packed)
	}
	if u.err != nil {
		return 0, u.err
	}
	return u.gzip.Read(p)
}

// A formError says what is wrong with the form of an answer; it holds nothing of
// it.
type formError string

func (e formError) Error() string { return string(e) }

// A bounded reads no more than max bytes, and no more than ahead beyond what was
// used, so that one endless value does not fill the memory.
type bounded struct {
	from      io.Reader
	read, max int64
	used      int64
	ahead     int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.read += int64(n)
	switch {
	case b.read > b.max:
		return n, formError(fmt.Sprintf("it is over %d MiB; ask for smaller pages in the profile", b.max>>20))
	case b.read-b.used > b.ahead:
		return n, formError(fmt.Sprintf("a single row or value in it is over %d MiB", maxRow>>20))
	}
	return n, err
}

// text is body as UTF-8 that was checked, without a byte order mark.
func text(body io.Reader) io.Reader {
	b := bufio.NewReaderSize(body, bufferBytes)
	if mark, _ := b.Peek(3); string(mark) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3)
	}
	return &full{from: transform.NewReader(b, encoding.UTF8Validator)}
}

const bufferBytes = 32 << 10

// A full reads as much as fits, up to bufferBytes. encoding/json looks through
// spaces again from their beginning whenever it gets more.
type full struct {
	from io.Reader
	err  error
}

func (f *full) Read(p []byte) (int, error) {
	p = p[:min(len(p), bufferBytes)]
	n := 0
	for n < len(p) && f.err == nil {
		var m int
		m, f.err = f.from.Read(p[n:])
		n += m
	}
	if n > 0 {
		return n, nil
	}
	return 0, f.err
}
