package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"rollbridge/collector/cli/server"
	"rollbridge/collector/database"
	"rollbridge/collector/enrolment"
	"rollbridge/collector/settings"
	"rollbridge/collector/store"
	"rollbridge/collector/vault"
)

// load reads the settings.
func (p *program) load() (settings.Settings, error) {
	s, _, err := settings.Load(p.given, p.environ)
	if err != nil {
		return settings.Settings{}, settled(err)
	}
	return s, nil
}

// withStore opens the database for one command.
func (p *program) withStore(ctx context.Context, f func(settings.Settings, *database.DB, *store.Store) error) error {
	s, err := p.load()
	if err != nil {
		return err
	}
	if err := present(s); err != nil {
		return err
	}
	db, err := database.Open(ctx, s.DatabaseDSN())
	if err != nil {
		return err
	}
	return errors.Join(f(s, db, store.New(db)), db.Close())
}

// present refuses an embedded database that is not there: connecting would make
// an empty file, and then say that it is too old.
func present(s settings.Settings) error {
	path, isFile := strings.CutPrefix(s.DatabaseDSN(), "sqlite:")
	if !isFile {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return refused(fmt.Errorf("there is no collector here: %s does not exist; run `rollbridge-collector init`, or name the right data directory with --data-dir", path))
	}
	return nil
}

// withVault opens the database and the vault.
func (p *program) withVault(ctx context.Context, f func(settings.Settings, *store.Store, *vault.Vault) error) error {
	return p.withStore(ctx, func(s settings.Settings, _ *database.DB, st *store.Store) error {
		v, err := vault.Open(filepath.Join(s.Keys(), "vault"))
		if err != nil {
			return err
		}
		return errors.Join(f(s, st, v), v.Close())
	})
}

// withDesk opens what decides about agents: control keys and vault.
func (p *program) withDesk(ctx context.Context, f func(settings.Settings, *store.Store, *enrolment.Desk) error) error {
	return p.withVault(ctx, func(s settings.Settings, st *store.Store, v *vault.Vault) error {
		d, err := server.OpenDesk(ctx, s, st, v, p.log)
		if err != nil {
			return err
		}
		return f(s, st, d)
	})
}

// school finds a school, and says where to look when there is none.
func school(ctx context.Context, st *store.Store, id string) (store.School, error) {
	c, err := st.School(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		ids, listErr := st.SchoolIDs(ctx)
		if listErr != nil {
			return c, listErr
		}
		return c, refused(fmt.Errorf("there is no school %q%s; see `school list`, or add it with `school add`", id, nearest(id, ids)))
	}
	return c, err
}
