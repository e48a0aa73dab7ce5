package tsql

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd      tokenKind = iota
	tokWord               // an identifier or keyword without quotes
	tokQuoted             // [x] or "x", never a keyword
	tokText               // 'x'
	tokNText              // N'x'
	tokWhole              // 12
	tokDecimal            // 1.5
	tokFloat              // 1e5
	tokBinary             // 0xFF
	tokVariable           // @x
	tokGlobal             // @@x
	tokSymbol
)

// A token's value is the unquoted text; upper is set for words only.
type token struct {
	kind  tokenKind
	value string
	upper string
	start int // byte offset in the batch
	end   int
}

// lex splits a batch into tokens; the last is tokEnd. Comments are dropped.
func lex(batch string) ([]token, error) {
	l := lexer{text: batch, out: make([]token, 0, 16+len(batch)/5)}
	if !utf8.ValidString(batch) {
		return nil, refuse("text that is not valid UTF-8")
	}
	for {
		if err := l.skip(); err != nil {
			return nil, err
		}
		if l.at >= len(l.text) {
			l.out = append(l.out, token{kind: tokEnd, start: l.at, end: l.at})
			return l.out, nil
		}
		if err := l.next(); err != nil {
			return nil, err
		}
	}
}

type lexer struct {
	text string
	at   int
	out  []token
}

// skip moves over blanks and comments; block comments nest in T-SQL.
func (l *lexer) skip() error {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case rest[0] == ' ' || rest[0] >= '\t' && rest[0] <= '\r' || rest[0] == 0:
			l.at++
		case strings.HasPrefix(rest, "--"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.at += end
		case strings.HasPrefix(rest, "/*"):
			if err := l.comment(); err != nil {
				return err
			}
		case rest[0] >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(rest)
			if !unicode.IsSpace(r) && r != 0xFEFF {
				return nil
			}
			l.at += n
		default:
			return nil
		}
	}
	return nil
}

func (l *lexer) comment() error {
	for depth := 0; l.at < len(l.text); {
		switch {
		case strings.HasPrefix(l.text[l.at:], "/*"):
			depth++
			l.at += 2
		case strings.HasPrefix(l.text[l.at:], "*/"):
			depth--
			l.at += 2
			if depth == 0 {
				return nil
			}
		default:
			l.at++
		}
	}
	return fail(113, "Missing end comment mark '*/'.")
}

func (l *lexer) emit(kind tokenKind, value string, end int) {
	t := token{kind: kind, value: value, start: l.at, end: end}
	if kind == tokWord {
		t.upper = strings.ToUpper(value)
	}
	l.out = append(l.out, t)
	l.at = end
}

func (l *lexer) next() error {
	rest := l.text[l.at:]
	c := rest[0]
	switch {
	case c == '\'':
		return l.quoted(tokText, 0, '\'')
	case (c == 'N' || c == 'n') && len(rest) > 1 && rest[1] == '\'':
		return l.quoted(tokNText, 1, '\'')
	case c == '[':
		return l.quoted(tokQuoted, 0, ']')
	case c == '"':
		return l.quoted(tokQuoted, 0, '"')
	case c >= '0' && c <= '9', c == '.' && len(rest) > 1 && isDigit(rest[1]):
		return l.number()
	case c == '@':
		return l.variable()
	}
	if r, _ := utf8.DecodeRuneInString(rest); r == '_' || r == '#' || unicode.IsLetter(r) {
		l.emit(tokWord, rest[:wordLength(rest)], l.at+wordLength(rest))
		return nil
	}
	if len(rest) > 1 && strings.IndexByte("<>=:", rest[1]) >= 0 {
		switch rest[:2] {
		case "<>", "<=", ">=", "!=", "!<", "!>", "::":
			l.emit(tokSymbol, rest[:2], l.at+2)
			return nil
		}
	}
	if strings.IndexByte("()+-*/%=<>,.;&|^~:", c) >= 0 {
		l.emit(tokSymbol, rest[:1], l.at+1)
		return nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return fail(102, "Incorrect syntax near '%c'.", r)
}

// quoted reads up to the closing sign, which stands twice where it is meant
// as itself. prefix is the N of a national text.
func (l *lexer) quoted(kind tokenKind, prefix int, closing byte) error {
	body := l.text[l.at+prefix+1:]
	doubled := false
	for i := 0; ; i++ {
		n := strings.IndexByte(body[i:], closing)
		if n < 0 {
			return fail(105, "Unclosed quotation mark after the character string.")
		}
		i += n
		if i+1 < len(body) && body[i+1] == closing {
			doubled = true
			i++
			continue
		}
		value := body[:i]
		if doubled {
			value = strings.ReplaceAll(value, string([]byte{closing, closing}), string(closing))
		}
		if kind == tokQuoted && value == "" {
			return fail(1038, "An object or column name is missing or empty.")
		}
		l.emit(kind, value, l.at+prefix+1+i+1)
		return nil
	}
}

func (l *lexer) number() error {
	rest := l.text[l.at:]
	if len(rest) > 1 && rest[0] == '0' && (rest[1] == 'x' || rest[1] == 'X') {
		n := 2
		for n < len(rest) && isHex(rest[n]) {
			n++
		}
		return l.closed(tokBinary, n)
	}
	n, kind := digits(rest), tokWhole
	if n < len(rest) && rest[n] == '.' {
		kind = tokDecimal
		n++
		n += digits(rest[n:])
	}
	if n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		m := n + 1
		if m < len(rest) && (rest[m] == '+' || rest[m] == '-') {
			m++
		}
		d := digits(rest[m:])
		if d == 0 {
			return refuse("a number that ends in E")
		}
		kind, n = tokFloat, m+d
	}
	return l.closed(kind, n)
}

// closed emits a number, unless a letter follows at once: T-SQL reads 1a as
// 1 AS a, which is more often a mistake than meant.
func (l *lexer) closed(kind tokenKind, n int) error {
	rest := l.text[l.at:]
	if n < len(rest) {
		if r, _ := utf8.DecodeRuneInString(rest[n:]); r == '_' || unicode.IsLetter(r) {
			return fail(102, "Incorrect syntax near '%s'.", rest[:n+wordLength(rest[n:])])
		}
	}
	l.emit(kind, rest[:n], l.at+n)
	return nil
}

func (l *lexer) variable() error {
	rest := l.text[l.at:]
	kind, n := tokVariable, 1
	if strings.HasPrefix(rest, "@@") {
		kind, n = tokGlobal, 2
	}
	length := wordLength(rest[n:])
	if length == 0 {
		return fail(102, "Incorrect syntax near '@'.")
	}
	l.emit(kind, rest[:n+length], l.at+n+length)
	return nil
}

func wordLength(s string) int {
	for i, r := range s {
		if r != '_' && r != '@' && r != '#' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return i
		}
	}
	return len(s)
}

func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// reserved are T-SQL's words that name nothing without brackets.
var reserved = set(`ADD ALL ALTER AND ANY AS ASC AUTHORIZATION BACKUP BEGIN BETWEEN BREAK BROWSE BULK BY
CASCADE CASE CHECK CHECKPOINT CLOSE CLUSTERED COALESCE COLLATE COLUMN COMMIT COMPUTE CONSTRAINT CONTAINS
CONTAINSTABLE CONTINUE CONVERT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER
CURSOR DATABASE DBCC DEALLOCATE DECLARE DEFAULT DELETE DENY DESC DISK DISTINCT DISTRIBUTED DOUBLE DROP DUMP
ELSE END ERRLVL ESCAPE EXCEPT EXEC EXECUTE EXISTS EXIT EXTERNAL FETCH FILE FILLFACTOR FOR FOREIGN FREETEXT
FREETEXTTABLE FROM FULL FUNCTION GOTO GRANT GROUP HAVING HOLDLOCK IDENTITY IDENTITYCOL IDENTITY_INSERT IF IN
INDEX INNER INSERT INTERSECT INTO IS JOIN KEY KILL LEFT LIKE LINENO LOAD MERGE NATIONAL NOCHECK NONCLUSTERED
NOT NULL NULLIF OF OFF OFFSETS ON OPEN OPENDATASOURCE OPENQUERY OPENROWSET OPENXML OPTION OR ORDER OUTER OVER
PERCENT PIVOT PLAN PRECISION PRIMARY PRINT PROC PROCEDURE PUBLIC RAISERROR READ READTEXT RECONFIGURE
REFERENCES REPLICATION RESTORE RESTRICT RETURN REVERT REVOKE RIGHT ROLLBACK ROWCOUNT ROWGUIDCOL RULE SAVE
SCHEMA SELECT SESSION_USER SET SETUSER SHUTDOWN SOME STATISTICS SYSTEM_USER TABLE TABLESAMPLE TEXTSIZE THEN
TO TOP TRAN TRANSACTION TRIGGER TRUNCATE TRY_CONVERT TSEQUAL UNION UNIQUE UNPIVOT UPDATE UPDATETEXT USE USER
VALUES VARYING VIEW WAITFOR WHEN WHERE WHILE WITH WRITETEXT`)

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
