package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"rollbridge/collector/cli/server"
	"rollbridge/collector/database"
	"rollbridge/collector/keys"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
	"rollbridge/shared/clock"
)

// initial is what a person asks init for.
type initial struct {
	publicURL, database, operator, user string
}

const initLong = `Init makes a new collector: its keys, its database, a TLS certificate for trials
and the first person who may sign in to the portal. It makes all of it or
nothing, and refuses where there is a collector already.

The settings go to collector.yaml in the data directory, unless there is a
settings file already, which is then used as it is.`

func (p *program) initCommand() *cobra.Command {
	var o initial
	c := &cobra.Command{
		Use: "init --public-url https://HOST:PORT", Short: "Make a new collector", Long: initLong, Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error { return p.init(c.Context(), o) },
	}
	c.Flags().StringVar(&o.publicURL, "public-url", "", "`address` that schools reach, https://HOST or https://HOST:PORT")
	c.Flags().StringVar(&o.database, "database", "", "`database`: sqlite:PATH or postgres://USER@HOST/NAME (default: a file in the data directory)")
	c.Flags().StringVar(&o.operator, "operator", "", "`name` of who runs the collector, as schools read it (default: the host)")
	c.Flags().StringVar(&o.user, "user", "admin", "`name` of the first person who may sign in to the portal")
	return c
}

func (p *program) init(ctx context.Context, o initial) error {
	n, err := p.plan(o)
	if err != nil {
		return err
	}
	oneTime, err := n.make(ctx, o.user)
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	return p.greet(n.settings, o.user, oneTime)
}

// A newcomer is a collector that is being made.
type newcomer struct {
	settings settings.Settings
	file     string // settings file to write; empty where one is in force already
	content  []byte // of file
	undo     []func() error
}

// make makes everything; after an error nothing of it is left.
func (n *newcomer) make(ctx context.Context, user string) (oneTime string, err error) {
	if err := n.vacant(); err != nil {
		return "", err
	}
	defer func() {
		if err == nil {
			return
		}
		for i := len(n.undo) - 1; i >= 0; i-- {
			err = errors.Join(err, n.undo[i]())
		}
	}()
	if err := n.directory(); err != nil {
		return "", err
	}
	made, err := n.keys()
	if err != nil {
		return "", err
	}
	if err := n.writeSettings(); err != nil {
		return "", err
	}
	return n.fill(ctx, made, user)
}

// vacant refuses a place where keys lie already. The database is looked at
// when it is open.
func (n *newcomer) vacant() error {
	dir := n.settings.Keys()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look at the keys directory: %w", err)
	}
	if len(entries) > 0 {
		return taken("keys in " + dir)
	}
	return nil
}

func taken(what string) error {
	return refused(fmt.Errorf("there is a collector already (%s); nothing was changed. Start it with `rollbridge-collector serve`. To make another one, give it its own --data-dir and --database. If an earlier init was cut short and no school was enrolled, move that away and run init again", what))
}

// directory makes the data directory, for this user only.
func (n *newcomer) directory() error {
	dir := n.settings.DataDir
	_, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		n.undo = append(n.undo, func() error { return ignoreFull(os.Remove(dir)) })
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w: choose another with --data-dir, or run init as a user who may write there", err)
	}
	return nil
}

// ignoreFull: a directory that holds something else by now stays.
func ignoreFull(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return nil
	}
	return err
}

// keys makes every key in a directory beside the final one and then renames
// it: keys are there whole or not at all.
func (n *newcomer) keys() (keys.Made, error) {
	final := n.settings.Keys()
	staging := final + ".new"
	if err := os.RemoveAll(staging); err != nil { // of an init that was killed
		return keys.Made{}, fmt.Errorf("make the keys: %w", err)
	}
	n.undo = append(n.undo, func() error { return os.RemoveAll(staging) })
	u, err := settings.ParsePublicURL(n.settings.PublicURL)
	if err != nil {
		return keys.Made{}, err
	}
	if err := os.MkdirAll(staging, 0o700); err != nil {
		return keys.Made{}, fmt.Errorf("make the keys: %w", err)
	}
	made, err := keys.Init(staging, certificateHosts(u), clock.Now())
	if err != nil {
		return keys.Made{}, err
	}
	if err := server.WriteRoot(staging, made.Root); err != nil {
		return keys.Made{}, err
	}
	if err := vault.Init(filepath.Join(staging, "vault")); err != nil {
		return keys.Made{}, err
	}
	if err := os.Remove(final); err != nil && !errors.Is(err, fs.ErrNotExist) { // empty, or vacant would have refused
		return keys.Made{}, fmt.Errorf("make the keys: %w", err)
	}
	if err := os.Rename(staging, final); err != nil {
		return keys.Made{}, fmt.Errorf("make the keys: %w", err)
	}
	n.undo = append(n.undo, func() error { return os.RemoveAll(final) })
	return made, nil
}

// certificateHosts are the names in the trial certificate: the portal is
// mostly opened on the machine itself.
func certificateHosts(u *url.URL) []string {
	hosts := []string{u.Hostname()}
	for _, h := range []string{"localhost", "127.0.0.1"} {
		if h != u.Hostname() {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

func (n *newcomer) writeSettings() error {
	if n.file == "" {
		return nil
	}
	f, err := os.OpenFile(n.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // the address of a database may hold a password
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	n.undo = append(n.undo, func() error { return os.Remove(n.file) })
	_, err = f.Write(n.content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}

// fill makes the schema and puts the first rows in. The keyring comes last: a
// database with a keyring is a whole one.
func (n *newcomer) fill(ctx context.Context, made keys.Made, user string) (oneTime string, err error) {
	dsn := n.settings.DatabaseDSN()
	if path, isFile := strings.CutPrefix(dsn, "sqlite:"); isFile {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			n.undo = append(n.undo, func() error { return removeSQLite(path) })
		}
	}
	db, err := database.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	oneTime, err = firstRows(ctx, n.settings, db, made, user)
	return oneTime, errors.Join(err, db.Close())
}

func firstRows(ctx context.Context, s settings.Settings, db *database.DB, made keys.Made, user string) (string, error) {
	if err := db.Migrate(ctx); err != nil {
		return "", err
	}
	st := store.New(db)
	_, err := st.Keyring(ctx)
	switch {
	case err == nil:
		return "", taken("a keyring in the database")
	case !errors.Is(err, store.ErrNotFound):
		return "", err
	}
	accounts := account.Open(db, nil)
	oneTime, err := accounts.Invite(ctx, account.User{}, account.Person{Name: user, Role: account.Operator})
	if errors.Is(err, account.ErrExists) { // of an init that was killed
		oneTime, err = accounts.Reset(ctx, account.User{}, user)
	}
	if err != nil {
		return "", err
	}
	err = st.PutKeyring(ctx, made.Keyring, made.Signed)
	if err == nil {
		err = firstSealingKey(ctx, s, st)
	}
	if err != nil {
		return "", errors.Join(err, empty(ctx, db))
	}
	return oneTime, nil
}

// empty takes the first rows out of a database that had none before.
func empty(ctx context.Context, db *database.DB) error {
	return db.Write(context.WithoutCancel(ctx), func(tx *database.Tx) error {
		for _, table := range []string{"statements", "keyrings", "users"} {
			if _, err := tx.Exec(ctx, "DELETE FROM "+table); err != nil {
				return fmt.Errorf("take back what init wrote: %w", err)
			}
		}
		return nil
	})
}

// firstSealingKey tells the agents to come what to seal to.
func firstSealingKey(ctx context.Context, s settings.Settings, st *store.Store) error {
	v, err := vault.Open(filepath.Join(s.Keys(), "vault"))
	if err != nil {
		return err
	}
	desk, err := server.OpenDesk(ctx, s, st, v, slog.New(slog.DiscardHandler))
	if err == nil {
		err = desk.SealingKeys(ctx)
	}
	return errors.Join(err, v.Close())
}

// removeSQLite removes a database file and what SQLite puts beside it.
func removeSQLite(path string) error {
	var errs []error
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
