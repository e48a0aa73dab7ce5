package standin

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"

	mssql "github.com/microsoft/go-mssqldb"
	"github.com/microsoft/go-mssqldb/msdsn"

	"rollbridge/e2e/standin/tds"
)

// Open connects as the administrator through go-mssqldb; the caller closes it.
// It keeps working through Renew and Restart.
func (s *Server) Open(ctx context.Context, database string) (*sql.DB, error) {
	return s.OpenAs(ctx, database, administrator, s.password)
}

// OpenAs is Open for another login; an empty database is the login's default.
func (s *Server) OpenAs(ctx context.Context, database, user, password string) (*sql.DB, error) {
	encrypt := "true"
	if s.o.Encryption == tds.Unsupported {
		encrypt = "disable"
	}
	query := url.Values{"database": {database}, "encrypt": {encrypt}, "app name": {"stand-in"}}
	u := url.URL{Scheme: "sqlserver", User: url.UserPassword(user, password),
		Host: net.JoinHostPort(s.host, strconv.Itoa(s.port)), RawQuery: query.Encode()}
	config, err := msdsn.Parse(u.String())
	if err != nil {
		return nil, fmt.Errorf("say how to reach the stand-in: %w", err)
	}
	if config.TLSConfig != nil {
		config.TLSConfig = s.trustOwn()
	}
	db := sql.OpenDB(mssql.NewConnectorConfig(config))
	// go-mssqldb notices only when it uses an idle connection that Restart has
	// cut it. Who sends much takes one connection of the pool (Conn).
	db.SetMaxIdleConns(0)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sign on to the stand-in: %w", err), db.Close())
	}
	return db, nil
}

// trustOwn accepts the certificate that the server has at the time, no other.
func (s *Server) trustOwn() *tls.Config {
	return &tls.Config{
		MinVersion: s.o.MinTLS, CipherSuites: s.o.CipherSuites,
		// The check by name and date is replaced by a stricter one.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 || !bytes.Equal(state.PeerCertificates[0].Raw, s.certificate.Load().Certificate[0]) {
				return errors.New("not the stand-in's certificate")
			}
			return nil
		},
		// The record sizes of TLS inside TDS are the packets'.
		DynamicRecordSizingDisabled: true,
	}
}
