package tds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Numbers of errors that this package sends itself.
const (
	numberLoginFailed    = 18456
	numberUntrusted      = 18452
	numberNotTaken       = 49999 // the stand-in's own: SQL Server could, it cannot
	numberOther          = 50000
	numberNoHandle       = 8179
	numberNoProcedure    = 2812
	numberBadTransaction = 3989
	numberNotSupplied    = 8178
	numberTooMany        = 8144
	numberNotConverted   = 8114
	numberTooManyParams  = 8003
)

// a conn is one connection being served.
type conn struct {
	net    net.Conn
	stream io.ReadWriter // net, or TLS over it
	o      Options
	size   int // packet size
	out    *packetWriter
	queue
	session     Session
	transaction uint64 // descriptor of the open transaction, 0 for none
	begun       uint64 // how many there have been
	prepared    prepared
}

// signOn takes a connection from its first byte to an open session. What it
// returns an error for has been answered as far as the protocol has an answer.
func (c *conn) signOn(ctx context.Context, h Handler) error {
	// It fails where the connection is closed, which the next read says too.
	_ = c.net.SetDeadline(time.Now().Add(signOnTime))
	strict, err := c.begin(ctx)
	if err != nil {
		return err
	}
	p, err := c.prelogin(ctx, strict)
	if err != nil {
		return err
	}
	m, err := readMessage(c.stream, maxPacket, maxLoginBytes)
	if err != nil {
		return fmt.Errorf("read LOGIN7: %w", noEOF(err))
	}
	if p == signOnEncrypted {
		c.stream = c.net
	}
	c.out = newPacketWriter(c.stream, packetAnswer, defaultPacket)
	if m.kind != packetLogin {
		return broken("a message of type %#x where LOGIN7 belongs", m.kind)
	}
	hello, err := parseLogin(m.body)
	if err != nil {
		return err
	}
	hello.Encrypted = p == allEncrypted
	session, err := c.admit(ctx, h, &hello)
	if err != nil {
		return errors.Join(err, c.refuse(err))
	}
	c.session = session
	if err := c.welcome(hello, strict); err != nil {
		return err
	}
	_ = c.net.SetDeadline(time.Time{})
	return nil
}

// tlsHandshakeRecord is the first byte of TLS; PRELOGIN's is another.
const tlsHandshakeRecord = 0x16

// begin sees by its first byte which protocol a connection speaks.
func (c *conn) begin(ctx context.Context) (strict bool, err error) {
	first := make([]byte, 1)
	if _, err := io.ReadFull(c.net, first); err != nil {
		return false, err
	}
	c.net = &preceded{Conn: c.net, first: first}
	c.stream = c.net
	if first[0] != tlsHandshakeRecord {
		return false, nil
	}
	if !c.o.Strict {
		return false, broken("it began with TLS, which this server does not take (TDS 8)")
	}
	c.stream, err = strictTLS(ctx, c.net, c.o)
	return true, err
}

// prelogin agrees on encryption and does it.
func (c *conn) prelogin(ctx context.Context, strict bool) (protection, error) {
	m, err := readMessage(c.stream, maxPacket, maxPreloginBytes)
	if err != nil {
		return 0, fmt.Errorf("read PRELOGIN: %w", noEOF(err))
	}
	if m.kind != packetPrelogin {
		return 0, broken("a message of type %#x where PRELOGIN belongs", m.kind)
	}
	wish, err := preloginWish(m.body)
	if err != nil {
		return 0, err
	}
	answer, p, refused := byte(encryptStrict), allEncrypted, error(nil)
	if !strict {
		answer, p, refused = negotiate(c.o.Encryption, wish)
	}
	version, err := c.o.version()
	if err != nil {
		return 0, err
	}
	w := newPacketWriter(c.stream, packetAnswer, defaultPacket)
	if _, err := w.Write(preloginAnswer(version, answer)); err != nil {
		return 0, err
	}
	if err := w.finish(); err != nil || refused != nil {
		return 0, errors.Join(refused, err)
	}
	if strict || p == nothingEncrypted {
		return p, nil
	}
	c.stream, err = wrappedTLS(ctx, c.net, c.o)
	return p, err
}

// version is the product version as PRELOGIN and LOGINACK carry it.
func (o Options) version() ([4]byte, error) {
	text := o.Version
	if text == "" {
		text = "16.0.1000"
	}
	parts := strings.Split(text, ".")
	if len(parts) < 3 {
		return [4]byte{}, fmt.Errorf("the version %q is not of the form 16.0.1000", text)
	}
	var n [3]uint64
	for i, bits := range []int{8, 8, 16} {
		var err error
		if n[i], err = strconv.ParseUint(parts[i], 10, bits); err != nil {
			return [4]byte{}, fmt.Errorf("the version %q is not of the form 16.0.1000: %w", text, err)
		}
	}
	return [4]byte{byte(n[0]), byte(n[1]), byte(n[2] >> 8), byte(n[2])}, nil
}

func (o Options) serverName() string {
	if o.ServerName == "" {
		return "STANDIN"
	}
	return o.ServerName
}

// admit asks the handler for a session, after NTLM for a Windows sign-on.
func (c *conn) admit(ctx context.Context, h Handler, l *hello) (Session, error) {
	switch {
	case l.version != version74 && l.version != version80:
		return nil, notTaken("TDS %#x; it takes 7.4 and 8.0", l.version)
	case l.federated:
		return nil, notTaken("a sign-on with Entra ID")
	case l.changesPassword:
		return nil, notTaken("a change of password at the sign-on")
	case l.Windows:
		if err := c.windows(l); err != nil {
			return nil, err
		}
	}
	session, err := h.Login(ctx, l.Login)
	if err == nil {
		return session, nil
	}
	if e := new(Error); errors.As(err, &e) {
		return nil, err
	}
	return nil, errors.Join(&Error{Number: numberLoginFailed, Class: 14,
		Message: fmt.Sprintf("Login failed for user '%s'.", l.User)}, err)
}

func notTaken(format string, args ...any) *Error {
	return &Error{Number: numberNotTaken, Message: "The stand-in does not take " + fmt.Sprintf(format, args...) + "."}
}

// windows signs on with NTLM and puts the account in l.User.
func (c *conn) windows(l *hello) error {
	untrusted := &Error{Number: numberUntrusted, Class: 14, Message: "Login failed. The login is from an untrusted domain and cannot be used with Windows authentication."}
	l.User, l.Password = "", ""
	if c.o.Windows == nil {
		return untrusted
	}
	ask, challenge, err := ntlmChallenge(l.token, c.o.serverName())
	if err != nil {
		return errors.Join(untrusted, err)
	}
	if _, err := c.out.Write(appendSized(nil, tokenSecurity, ask)); err != nil {
		return err
	}
	if err := c.out.finish(); err != nil {
		return err
	}
	m, err := readMessage(c.stream, maxPacket, maxTokenBytes)
	if err != nil {
		return fmt.Errorf("read the answer to NTLM's challenge: %w", noEOF(err))
	}
	if m.kind != packetToken {
		return broken("a message of type %#x where NTLM's answer belongs", m.kind)
	}
	answer, err := parseNTLM(m.body)
	if err != nil {
		return errors.Join(untrusted, err)
	}
	password, known := c.o.Windows(answer.domain, answer.user)
	if !answer.proves(password, challenge) || !known {
		return untrusted
	}
	l.User = answer.domain + `\` + answer.user
	return nil
}

// refuse tells the client why it may not sign on, if the reason is for it.
func (c *conn) refuse(reason error) error {
	e := new(Error)
	if !errors.As(reason, &e) {
		return nil
	}
	b := appendError(nil, tokenError, e.filled(), c.o.serverName())
	if _, err := c.out.Write(appendDone(b, tokenDone, doneError, -1)); err != nil {
		return err
	}
	return c.out.finish()
}

// filled is the error with what it leaves out.
func (e *Error) filled() *Error {
	f := *e
	if f.State == 0 {
		f.State = 1
	}
	if f.Class == 0 {
		f.Class = 16
	}
	return &f
}

// welcome tells the client that it is signed on, and what holds from now on.
func (c *conn) welcome(l hello, strict bool) error {
	product, err := c.o.version()
	if err != nil {
		return err
	}
	limit := maxPacket
	if l.Encrypted {
		limit = maxPacketWithTLS
	}
	asked := l.packetSize
	if asked == 0 {
		asked = defaultPacket
	}
	c.size = min(max(asked, minPacket), limit)
	// A client that asked for less than the packets so far reads no larger one.
	c.out.size = min(c.size, defaultPacket)
	database := l.Database
	if database == "" {
		database = "master"
	}
	version := uint32(version74)
	if strict {
		version = version80
	}
	info := func(b []byte, number int32, text string) []byte {
		return appendError(b, tokenInfo, &Error{Number: number, State: 2, Message: text}, c.o.serverName())
	}
	b := appendChange(nil, changeDatabase, database, "master")
	b = info(b, 5701, "Changed database context to '"+database+"'.")
	b = appendChangeBytes(b, changeCollation, collation[:], nil)
	b = appendChange(b, changeLanguage, "us_english", "")
	b = info(b, 5703, "Changed language setting to us_english.")
	b = appendLoginAck(b, version, product)
	b = appendPacketSize(b, c.size, asked)
	if l.features {
		b = append(b, tokenFeatures, 0xFF)
	}
	if _, err := c.out.Write(appendDone(b, tokenDone, 0, -1)); err != nil {
		return err
	}
	if err := c.out.finish(); err != nil {
		return err
	}
	c.out.size = c.size
	return nil
}
