package standin

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net"
	"strings"
	"unicode"

	"rollbridge/e2e/standin/tds"
)

// administrator is the login that SQL Server has from the start.
const administrator = "sa"

// A login is guarded by the server's mutex.
type login struct {
	name, password string
	windows        bool // its password is the domain's
	sysadmin       bool
	disabled       bool
	locked         bool
	expired        bool
	mustChange     bool
	database       string // default
	sessions       int    // signed on now
}

// A handler answers the sign-on of one connection.
type handler struct {
	server *Server
	conn   net.Conn
}

// Login checks the login and opens a session in the database asked for.
func (h handler) Login(ctx context.Context, l tds.Login) (tds.Session, error) {
	s := h.server
	s.mu.Lock()
	if len(s.signed) >= maxLogins {
		s.signed = append([]string(nil), s.signed[maxLogins/2:]...)
	}
	s.signed = append(s.signed, l.User)
	lg, err := s.admit(l)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	d, err := s.entrance(lg, l.Database)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	lg.sessions++
	s.mu.Unlock()
	l.Password = ""
	ss := &session{server: s, login: lg, home: d, conn: h.conn, hello: l}
	ss.set = defaults()
	if err := ss.enter(ctx, d); err != nil {
		s.leave(ss)
		return nil, err
	}
	s.mu.Lock()
	s.sessions[ss] = true
	s.mu.Unlock()
	return ss, nil
}

// admit is the login, if it may sign on. What is wrong with an account is told
// only to who knows its password.
func (s *Server) admit(l tds.Login) (*login, error) {
	lg, ok := s.logins[fold(l.User)]
	if !ok || lg.windows != l.Windows {
		return nil, loginFailed(l.User)
	}
	if !lg.windows && subtle.ConstantTimeCompare([]byte(lg.password), []byte(l.Password)) != 1 {
		return nil, loginFailed(l.User)
	}
	switch {
	case lg.locked:
		return nil, fault(18486, 14, "Login failed for user '%s' because the account is currently locked out. The system administrator can unlock it.", l.User)
	case lg.disabled:
		return nil, fault(18470, 14, "Login failed for user '%s'. Reason: The account is disabled.", l.User)
	case lg.expired:
		return nil, fault(18487, 14, "Login failed for user '%s'.  Reason: The password of the account has expired.", l.User)
	case lg.mustChange:
		return nil, fault(18488, 14, "Login failed for user '%s'.  Reason: The password of the account must be changed.", l.User)
	}
	return lg, nil
}

// entrance is the database that a session begins in.
func (s *Server) entrance(l *login, asked string) (*database, error) {
	name := asked
	if name == "" {
		name = l.database
	}
	d, ok := s.databases[fold(name)]
	if ok && d.open(l) {
		return d, nil
	}
	if asked == "" {
		return nil, fault(4064, 11, "Cannot open user default database. Login failed.")
	}
	return nil, cannotOpen(asked)
}

// open says whether a login may enter.
func (d *database) open(l *login) bool {
	u := d.userOf(l)
	return u != nil && d.single == nil && d.reader(u).onDatabase("CONNECT") == granted
}

// Lock locks a login out (18486), as too many wrong passwords do, or unlocks it.
func (s *Server) Lock(name string, locked bool) error {
	return s.change(name, func(l *login) { l.locked = locked })
}

// ExpirePassword makes a login's password expired (18487) until ALTER LOGIN
// gives it another.
func (s *Server) ExpirePassword(name string) error {
	return s.change(name, func(l *login) { l.expired = true })
}

func (s *Server) change(name string, how func(*login)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.logins[fold(name)]
	if !ok {
		return fmt.Errorf("the server has no login %s", name)
	}
	how(l)
	return nil
}

// weak refuses a password as CHECK_POLICY = ON does with Windows' usual policy,
// so that a script's passwords are good for a real server too.
func weak(name, password string) *tds.Error {
	const text = "Password validation failed. The password does not meet Windows policy requirements because it is "
	if len([]rune(password)) < 8 {
		return fault(15116, 16, text+"too short.")
	}
	kinds := map[string]bool{}
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			kinds["upper"] = true
		case unicode.IsLower(r):
			kinds["lower"] = true
		case unicode.IsDigit(r):
			kinds["digit"] = true
		default:
			kinds["sign"] = true
		}
	}
	if len(kinds) < 3 || strings.Contains(fold(password), fold(name)) {
		return fault(15118, 16, text+"not complex enough.")
	}
	return nil
}
