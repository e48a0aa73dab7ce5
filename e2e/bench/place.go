package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"rollbridge/collector/database"
	"rollbridge/collector/keys"
	"rollbridge/e2e/stack"
)

// A place is one collector with a database of its own.
type place struct {
	*stack.Collector
	process    *stack.Process
	db         *database.DB
	postmaster int // process id of the database's server, 0 for SQLite
}

// newPlace makes a collector; it runs after start.
func (b *bench) newPlace(ctx context.Context, name string, p stack.Programs, o stack.CollectorOptions) (*place, error) {
	dsn := "sqlite:" + filepath.Join(b.dir, name, "collector.db")
	if b.database != "" {
		var err error
		if dsn, err = b.newSchema(ctx); err != nil {
			return nil, err
		}
		o.Database = dsn
	}
	c, err := stack.NewCollector(ctx, p, filepath.Join(b.dir, name), o)
	if err != nil {
		return nil, err
	}
	l := &place{Collector: c}
	b.places = append(b.places, l)
	if l.db, err = database.Open(ctx, dsn); err != nil {
		return nil, err
	}
	if b.database != "" {
		l.postmaster, err = postmasterOf(ctx, l.db)
	}
	return l, err
}

func (l *place) start(ctx context.Context, roles string) (err error) {
	l.process, err = l.Collector.Start(ctx, roles)
	return err
}

func (l *place) close() error {
	err := l.Collector.Close()
	if l.db != nil {
		err = errors.Join(err, l.db.Close())
	}
	return err
}

// server is the place as the load generator sees it. decided says whether a run
// of uploads is over only when apply has decided them all.
func (l *place) server(name string, decided bool) *server {
	s := &server{name: name, url: "https://" + l.IntakeAddress() + "/v1/batch", cpu: l.cpu, check: hasReceipt}
	if decided {
		s.settle = l.decided
	}
	return s
}

func (l *place) cpu() (time.Duration, error) {
	used, err := processCPU(l.process.PID())
	if err != nil || l.postmaster == 0 {
		return used, err
	}
	database, err := treeCPU(l.postmaster)
	return used + database, err
}

// decided waits until no batch waits in the inbox.
func (l *place) decided(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	return stack.Await(ctx, "apply to decide every batch", func() (bool, error) {
		n, err := l.number(ctx, "SELECT COUNT(*) FROM inbox WHERE state = 'waiting'")
		return n == 0, err
	})
}

// number runs a query of one number.
func (l *place) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = l.db.Read(ctx, func(tx *database.Tx) error { return tx.QueryRow(ctx, query, args...).Scan(&n) })
	return n, err
}

// newBare starts the yardstick server with the place's own certificate, so that
// both do the same handshake.
func (b *bench) newBare(ctx context.Context, l *place) (*server, error) {
	program, err := itself()
	if err != nil {
		return nil, err
	}
	address, err := stack.FreeAddress()
	if err != nil {
		return nil, err
	}
	cert, key := keys.TLSFiles(filepath.Join(l.Dir, "keys"))
	file := filepath.Join(b.dir, fmt.Sprintf("yardstick-%d", len(b.bares)))
	p, err := stack.Start(program, file+".log", nil, childBare, address, cert, key, file)
	if err != nil {
		return nil, err
	}
	b.bares = append(b.bares, p)
	err = stack.Await(ctx, "the yardstick server", func() (bool, error) {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false, err
		}
		return true, c.Close()
	})
	return &server{
		name: "the yardstick", url: "https://" + address + "/", check: anything,
		cpu: func() (time.Duration, error) { return processCPU(p.PID()) },
	}, err
}

func postmasterOf(ctx context.Context, db *database.DB) (int, error) {
	var backend int
	err := db.Read(ctx, func(tx *database.Tx) error { return tx.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend) })
	if err != nil {
		return 0, err
	}
	s, err := statOf(backend)
	if err != nil {
		return 0, fmt.Errorf("find the database's server among the processes of this machine, where its CPU is counted: %w", err)
	}
	return s.parent, nil
}

const schemaPrefix = "rollbridge_bench_"

// newSchema makes an empty schema in the database given and returns the address
// of a collector that works in it.
func (b *bench) newSchema(ctx context.Context) (string, error) {
	u, err := url.Parse(b.database)
	if err != nil {
		return "", errors.New("-database is not a postgres:// address")
	}
	name := fmt.Sprintf("%s%d", schemaPrefix, b.schemas)
	if err := b.exec(ctx, "DROP SCHEMA IF EXISTS "+name+" CASCADE", "CREATE SCHEMA "+name); err != nil {
		return "", err
	}
	b.schemas++
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func (b *bench) exec(ctx context.Context, statements ...string) error {
	c, err := pgx.Connect(ctx, b.database)
	if err != nil {
		return fmt.Errorf("connect to the database of -database: %w", err)
	}
	defer c.Close(ctx)
	for _, s := range statements {
		if _, err := c.Exec(ctx, s); err != nil {
			return fmt.Errorf("prepare the database of -database: %w", err)
		}
	}
	return nil
}

func (b *bench) dropSchemas() error {
	if b.schemas == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var drops []string
	for n := range b.schemas {
		drops = append(drops, fmt.Sprintf("DROP SCHEMA IF EXISTS %s%d CASCADE", schemaPrefix, n))
	}
	return b.exec(ctx, drops...)
}
