package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Member makes a second process of the same collector with roles of its own:
// its data directory is dir, it has only the named sub-directories of the keys,
// and it uses database. Listeners other than intake's get new ports. Commands
// of the member see only what its process sees.
func (c *Collector) Member(dir, database string, keys ...string) (*Collector, error) {
	m := &Collector{Programs: c.Programs, Dir: dir, PublicURL: c.PublicURL}
	for _, k := range keys {
		from, to := filepath.Join(c.Dir, "keys", k), filepath.Join(dir, "keys", k)
		err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.CopyFS(to, os.DirFS(from)), restrict(to))
		if err != nil {
			return nil, fmt.Errorf("make a member of the collector: %w", err)
		}
	}
	for _, e := range c.env {
		switch {
		case strings.HasPrefix(e, "ROLLBRIDGE_COLLECTOR_DATA_DIR="):
			e = "ROLLBRIDGE_COLLECTOR_DATA_DIR=" + dir
		case strings.HasPrefix(e, "ROLLBRIDGE_COLLECTOR_PRIVATE_LISTEN="), strings.HasPrefix(e, "ROLLBRIDGE_COLLECTOR_PORTAL_LISTEN="):
			address, err := FreeAddress()
			if err != nil {
				return nil, err
			}
			name, _, _ := strings.Cut(e, "=")
			e = name + "=" + address
		}
		m.env = append(m.env, e)
	}
	m.env = append(m.env, "ROLLBRIDGE_COLLECTOR_DATABASE="+database, "ROLLBRIDGE_COLLECTOR_PUBLIC_URL="+c.PublicURL)
	m.PrivateURL = "http://" + m.setting("PRIVATE_LISTEN")
	m.PortalURL = "https://" + m.setting("PORTAL_LISTEN")
	return m, nil
}

// restrict gives copied keys the rights that programs insist on.
func restrict(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
}
