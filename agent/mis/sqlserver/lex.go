package sqlserver

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxText bounds a query; the longest of a profile is a few kilobytes.
const maxText = 64 << 10

type tokenKind int

const (
	word      tokenKind = iota // a keyword or a plain identifier
	quoted                     // [name] or "name"
	literal                    // '…', N'…' or a number
	parameter                  // @name
	symbol                     // one character
	end
)

// A token is a piece of the text. value is the word in capitals, the name
// without its quotes, the parameter without @, or the symbol.
type token struct {
	kind  tokenKind
	value string
	raw   string
	at    span
	line  int
}

// name is the identifier that t is.
func (t token) name() string {
	if t.kind == quoted {
		return t.value
	}
	return t.raw
}

func (t token) is(value string) bool {
	return (t.kind == word || t.kind == symbol) && t.value == value
}

// show is how an error names t. Texts are not shown.
func (t token) show() string {
	switch t.kind {
	case end:
		return "the end of the query"
	case literal:
		return "a text or number"
	}
	return t.raw
}

type lexer struct {
	text string
	at   int
	line int
}

// lex splits a text into tokens, the last of which is an end.
func lex(text string) ([]token, error) {
	if len(text) > maxText {
		return nil, fmt.Errorf("the query has more than %d characters: split it", maxText)
	}
	if !utf8.ValidString(text) {
		return nil, fmt.Errorf("the query is not UTF-8 text: save the file as UTF-8")
	}
	l := &lexer{text: text, line: 1}
	var tokens []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", l.line, err)
		}
		tokens = append(tokens, t)
		if t.kind == end {
			return tokens, nil
		}
	}
}

func (l *lexer) next() (token, error) {
	for l.at < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.at]) >= 0 {
		if l.text[l.at] == '\n' {
			l.line++
		}
		l.at++
	}
	t := token{kind: end, line: l.line, at: span{l.at, l.at}}
	if l.at == len(l.text) {
		return t, nil
	}
	var err error
	switch c := l.text[l.at]; {
	case c == '[':
		t.kind = quoted
		t.value, err = l.delimited(']')
	case c == '"':
		t.kind = quoted
		t.value, err = l.delimited('"')
	case c == '\'':
		t.kind = literal
		if t.value, err = l.delimited('\''); err == nil && !ascii(t.value) {
			err = fmt.Errorf("a text with letters beyond ASCII lacks its N: write N'…'")
		}
	case (c == 'N' || c == 'n') && strings.HasPrefix(l.text[l.at+1:], "'"):
		l.at++
		t.kind = literal
		t.value, err = l.delimited('\'')
	case letter(c) || c == '_':
		t.kind = word
		t.value = strings.ToUpper(l.run(func(c byte) bool { return letter(c) || digit(c) || c == '_' }))
	case digit(c):
		t.kind = literal
		t.value, err = l.number()
	case c == '@':
		t.kind = parameter
		t.value, err = l.parameter()
	default:
		t.kind = symbol
		t.value, err = l.symbol()
	}
	t.at.to = l.at
	t.raw = l.text[t.at.from:t.at.to]
	return t, err
}

// delimited reads to the closing quote, which stands twice where it is meant.
func (l *lexer) delimited(quote byte) (string, error) {
	start, line := l.at, l.line
	var b strings.Builder
	for l.at++; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == quote && strings.HasPrefix(l.text[l.at+1:], string(quote)):
			b.WriteByte(c)
			l.at++
		case c == quote:
			l.at++
			if quote != '\'' && b.Len() == 0 {
				return "", fmt.Errorf("an empty name: write the name between the brackets or quotes")
			}
			return b.String(), nil
		case c == 0:
			return "", fmt.Errorf("a zero character: take it out")
		default:
			if c == '\n' {
				l.line++
			}
			b.WriteByte(c)
		}
	}
	l.line = line
	return "", fmt.Errorf("%c is never closed: add %c", l.text[start], quote)
}

func (l *lexer) run(in func(byte) bool) string {
	from := l.at
	for l.at < len(l.text) && in(l.text[l.at]) {
		l.at++
	}
	return l.text[from:l.at]
}

func (l *lexer) number() (string, error) {
	n := l.run(func(c byte) bool { return digit(c) || c == '.' })
	if l.at < len(l.text) && (letter(l.text[l.at]) || l.text[l.at] == '_') {
		return "", fmt.Errorf("a number runs into a letter: leave a space between them, and write numbers as digits only")
	}
	return n, nil
}

func (l *lexer) parameter() (string, error) {
	if before := l.text[:l.at]; before != "" && (letter(before[l.at-1]) || digit(before[l.at-1]) || before[l.at-1] == '_') {
		return "", fmt.Errorf("@ follows a name at once, and SQL Server would take both for one name: leave a space between them")
	}
	l.at++
	if strings.HasPrefix(l.text[l.at:], "@") {
		return "", fmt.Errorf("@@ names a value of the server: a query may only use parameters such as @pupils")
	}
	name := l.run(func(c byte) bool { return letter(c) || digit(c) })
	bad := l.at < len(l.text) && (l.text[l.at] == '_' || l.text[l.at] == '#' || l.text[l.at] == '$' || l.text[l.at] >= utf8.RuneSelf)
	if name == "" || digit(name[0]) || bad {
		return "", fmt.Errorf("@ is not followed by the name of a parameter: it begins with a letter and has only letters and digits")
	}
	return name, nil
}

// symbol reads one character of those that an expression needs.
func (l *lexer) symbol() (string, error) {
	rest := l.text[l.at:]
	switch c := rest[0]; {
	case c == ';':
		return "", fmt.Errorf("a semicolon: a query is one statement, so take the semicolon out")
	case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "/*"):
		return "", fmt.Errorf("a comment: take it out, or put it into the profile as a YAML comment")
	case c == '#':
		return "", fmt.Errorf("# names a temporary table: a query may only read tables and views, written schema.name")
	case c == '{' || c == '}':
		return "", fmt.Errorf("%c is left over: the only placeholder is {schema}", c)
	case c == ':':
		return "", fmt.Errorf("a colon: methods and scopes with :: are not allowed")
	case strings.IndexByte("(),.*=<>!+-/%&|^~", c) < 0:
		r, size := utf8.DecodeRuneInString(rest)
		if size > 1 {
			return "", fmt.Errorf("the character %q outside a text or name: put names with such letters into [brackets]", r)
		}
		return "", fmt.Errorf("the character %q, which a query does not need: take it out", r)
	}
	l.at++
	return rest[:1], nil
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
func digit(c byte) bool  { return '0' <= c && c <= '9' }

// ascii reports whether a text is the same in every code page of a server.
func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}
