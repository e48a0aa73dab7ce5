package sqlserver

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"time"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"rollbridge/shared/logkey"
)

// MaxQueries is how many statements a [Session] sends at most, its own
// included. The next one is refused before it is sent.
const MaxQueries = 100

// appName is how the sessions show in the server's own lists.
const appName = "Rollbridge agent"

// Cost is what a session has asked of the server so far.
type Cost struct {
	Queries int           `json:"queries"` // statements sent, the session's own included
	Rows    int64         `json:"rows"`
	Bytes   int64         `json:"bytes"`       // read from the network, encryption included
	Slowest time.Duration `json:"slowest_ns"`  // longest statement with its rows
	Total   time.Duration `json:"duration_ns"` // sum over the statements
}

// askSnapshot asks whether the database allows SNAPSHOT isolation (1 = ON).
var askSnapshot = fix(`SELECT snapshot_isolation_state FROM sys.databases WHERE name = DB_NAME()`)

// A Session is one connection for one read. It is not for concurrent use.
type Session struct {
	settings Settings
	guard    *guard
	wire     *wire
	trust    *trust
	db       *sql.DB
	conn     *sql.Conn
	tx       *sql.Tx // the snapshot; nil without one
	endTx    context.CancelFunc
	cost     Cost
	closed   bool
}

// Open connects, signs on and sets the session: it reads what is committed, in
// one SNAPSHOT transaction for the whole session where the database allows that;
// it waits only so long for locks, and loses against others in a deadlock. The
// sentences of [Settings.Unsafe] are logged as warnings. Any error is a *[Fault],
// or wraps that of ctx.
func Open(ctx context.Context, s Settings, log *slog.Logger) (*Session, error) {
	if err := s.Validate(); err != nil {
		return nil, &Fault{Reason: Setting, Text: err.Error()}
	}
	t, err := newTrust(s)
	if err != nil {
		return nil, err
	}
	for _, sentence := range s.Unsafe() {
		log.Warn("the way to SQL Server is unsafe", logkey.Reason, sentence)
	}
	session := newSession(s, t)
	if err := session.open(ctx); err != nil {
		return nil, errors.Join(err, session.Close())
	}
	return session, nil
}

func newSession(s Settings, t *trust) *Session {
	w := &wire{limit: DialTime}
	connector := mssql.NewConnectorConfig(driverConfig(s, t))
	connector.Dialer = w
	g := newGuard(connector, w)
	return &Session{settings: s, guard: g, wire: w, trust: t, db: sql.OpenDB(g), endTx: func() {}}
}

func (s *Session) open(ctx context.Context) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.connectFault(ctx, err)
	}
	s.conn = conn
	if err := s.run(ctx, request{text: s.guard.admitSetUp(s.settings.lockTime())}); err != nil {
		return err
	}
	allowed := false
	err = s.ask(ctx, askSnapshot, nil, func(cells []Cell) error {
		allowed = cells[0].Text == "1"
		return nil
	})
	if err != nil {
		return err
	}
	if allowed {
		return s.begin(ctx)
	}
	return nil
}

// begin starts the snapshot. database/sql rolls a transaction back when the
// context of its beginning ends, so that context is the session's own, and only
// beginning is bounded.
func (s *Session) begin(ctx context.Context) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	s.endTx = end
	limit, cancel := context.WithTimeout(ctx, s.settings.queryTime())
	defer cancel()
	stop := context.AfterFunc(limit, end)
	tx, err := s.conn.BeginTx(life, &sql.TxOptions{Isolation: sql.LevelSnapshot})
	if !stop() && err == nil {
		err = limit.Err()
	}
	if err != nil {
		return s.fault(ctx, limit, request{}, err)
	}
	s.tx = tx
	return nil
}

// Cost is what was asked so far. It stays after Close.
func (s *Session) Cost() Cost {
	c := s.cost
	c.Bytes = s.wire.read.Load()
	return c
}

// Close rolls back what is open and hangs up. It may be called twice. Nothing of
// a read depends on it, so that what goes wrong with it is no error.
func (s *Session) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	// A server that does not answer to the rollback must not hold the caller up.
	late := time.AfterFunc(DialTime, s.wire.interrupt)
	defer late.Stop()
	if s.tx != nil {
		_ = s.tx.Rollback()
	}
	s.endTx()
	if s.conn != nil {
		_ = s.conn.Close()
	}
	_ = s.db.Close()
	return nil
}

// place names the server as people write it, for a sentence.
func (s *Session) place() string { return s.settings.place() }

// driverConfig is the driver's form of s. It is filled field by field: there is
// no connection string that could be logged.
func driverConfig(s Settings, t *trust) msdsn.Config {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	c := msdsn.Config{
		Host: s.Host, Instance: s.Instance, Port: uint64(s.Port), Database: s.Database,
		User: s.User, Password: s.Password,
		AppName: appName, Workstation: host,
		Protocols: []string{"tcp"}, Parameters: map[string]string{},
		DialTimeout: DialTime, KeepAlive: keepAlive,
		DisableRetry: true, // a statement is sent once
		NoTraceID:    true,
		TLSConfig:    t.config(s),
		// When a server sends the client on to another, that one must show a
		// certificate with the name of the settings too.
		HostInCertificateProvided: true,
	}
	switch s.encryption() {
	case EncryptRequired:
		c.Encryption = msdsn.EncryptionRequired
	case EncryptStrict:
		c.Encryption = msdsn.EncryptionStrict
	case EncryptAnyone:
		c.Encryption, c.TrustServerCertificate = msdsn.EncryptionRequired, true
	case EncryptNone:
		c.Encryption = msdsn.EncryptionDisabled
	}
	if s.login() == LoginWindows {
		// Named, because without a name the driver falls back to a login of SQL
		// Server when Windows sign-on cannot begin. It brings both itself.
		c.Parameters["authenticator"] = "ntlm"
		if runtime.GOOS == "windows" {
			c.Parameters["authenticator"] = "winsspi"
		}
	}
	return c
}
