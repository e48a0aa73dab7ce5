package mis

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"rollbridge/shared/record"
)

// An xmlFile is a file, or what a program prints, as XML tokens, with everything
// refused that neither has a need of: document types (and so entities), deep
// nesting, huge tokens.
type xmlFile struct {
	d     record.Dataset
	shown string // the name for messages
	words xmlWords
	r     *reading
	guard *guard
	dec   *xml.Decoder
	depth int
	root  bool
}

// xmlWords are what messages call the thing that is read, and what to do again.
type xmlWords struct{ kind, again string }

var ctfWords = xmlWords{kind: "common transfer file", again: "run the export again"}

// errCharset is returned through the decoder for an encoding that is not read.
var errCharset = errors.New("encoding not read")

func (r *reading) xmlFile(source *sourceFile) *xmlFile {
	return r.xml(source, source.d, source.shown, ctfWords)
}

func (r *reading) xml(source io.Reader, d record.Dataset, shown string, words xmlWords) *xmlFile {
	in := bufio.NewReaderSize(source, 64<<10)
	if start, _ := in.Peek(3); bytes.Equal(start, []byte("\xef\xbb\xbf")) { // an error comes again with the first token
		_, _ = in.Discard(3)
	}
	x := &xmlFile{d: d, shown: shown, words: words, r: r, guard: &guard{in: in, limit: r.limit.recordBytes, bytesOnly: true}}
	x.dec = xml.NewDecoder(x.guard)
	x.dec.CharsetReader = func(label string, input io.Reader) (io.Reader, error) {
		switch strings.ToLower(label) {
		case "iso-8859-1", "windows-1252":
			// What calls itself ISO-8859-1 on Windows is windows-1252, which has
			// the same printable characters and more.
			return charmap.Windows1252.NewDecoder().Reader(input), nil
		case "us-ascii":
			return input, nil
		}
		return nil, errCharset
	}
	return x
}

// line is where the reader stands.
func (x *xmlFile) line() int {
	line, _ := x.dec.InputPos()
	return line
}

func (x *xmlFile) fault(text string) error {
	return fault(x.d, "%s: %s", place{file: x.shown, line: x.line()}, text)
}

// token returns the next start, end or text; io.EOF after the end of the root,
// or where there is none.
func (x *xmlFile) token() (xml.Token, error) {
	for {
		x.guard.since = 0
		t, err := x.dec.Token()
		if err != nil {
			return nil, x.explain(err)
		}
		switch t.(type) {
		case xml.Directive:
			return nil, x.fault("a document type or other directive stands in it: no " + x.words.kind + " has one; it is not read")
		case xml.StartElement:
			if x.depth == 0 && x.root {
				return nil, x.fault("a second root element follows the first: it is damaged; " + x.words.again)
			}
			x.root = true
			if x.depth++; x.depth > x.r.limit.depth {
				return nil, x.fault("its elements are nested too deeply for a " + x.words.kind + ": " + x.words.again)
			}
			return t, nil
		case xml.EndElement:
			x.depth--
			return t, nil
		case xml.CharData:
			return t, nil
		}
	}
}

// explain puts the parser's complaints, which repeat parts of the file, into
// words of our own.
func (x *xmlFile) explain(err error) error {
	var ours *Error
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.As(err, &ours):
		return ours
	case errors.Is(err, errLong):
		return x.fault("a value in it is longer than any can be: it is damaged; " + x.words.again)
	case strings.Contains(err.Error(), errCharset.Error()):
		return x.fault("its first line declares an encoding that is not read: it must be utf-8, iso-8859-1 or windows-1252")
	}
	return x.fault("it is not well-formed XML here: it was cut short or is damaged; " + x.words.again)
}
