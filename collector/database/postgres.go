package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	postgresConns = 12
	connectWait   = 10 * time.Second
)

func connectPostgres(ctx context.Context, dsn string) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// pgx's error repeats the address, password masked or not: do not wrap it.
		return nil, fmt.Errorf("open database: the postgres:// address is not understood: %w", ErrDSN)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectWait
	}
	// A receipt promises durable storage, whatever the server's default is.
	config.RuntimeParams["synchronous_commit"] = "on"
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "rollbridge-collector"
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(postgresConns)
	pool.SetMaxIdleConns(postgresConns)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db := &DB{Dialect: Postgres, writer: pool, reader: pool}
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database at %s:%d: %w", config.Host, config.Port, classify(err)), db.Close())
	}
	return db, nil
}
