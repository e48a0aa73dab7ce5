package standin

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver of the databases' files

	"rollbridge/e2e/standin/tsql"
)

// SQLite's own wait is long: who waits for whom is decided by writeLock.
const busyMillis = 30_000

// A database is one file with what SQL Server would keep in its catalogue.
// All but file and lock is guarded by the server's mutex.
type database struct {
	id       int
	name     string
	snapshot bool // ALLOW_SNAPSHOT_ISOLATION
	// versioned is READ_COMMITTED_SNAPSHOT: readers wait for nobody.
	versioned bool
	single    *session // SINGLE_USER: the one that set it
	file      *sql.DB
	lock      writeLock

	schemas    map[string]*schema    // by lower-case name
	objects    map[string]*object    // by key
	principals map[string]*principal // users and roles, by lower-case name
	grants     []grant
	last       int   // object or principal id given last
	changes    int64 // counts DDL, so that a snapshot knows what is newer
}

type schema struct {
	id    int
	name  string
	owner *principal
}

// kind is sys.objects.type.
type kind string

const (
	table     kind = "U"
	view      kind = "V"
	procedure kind = "P"
)

type object struct {
	tsql.Object
	id      int
	kind    kind
	schema  *schema
	uses    []tsql.Use // what a view reads
	changed int64      // database.changes when it was made
}

func (o *object) key() string { return key(o.Schema, o.Name) }

// A principal is a user or a role of a database.
type principal struct {
	id      int
	name    string
	role    bool
	login   string // of a user; lower case
	members map[string]bool
}

// fixedRoles come with each database (sys.database_principals).
var fixedRoles = []string{"public", "db_owner", "db_datareader", "db_datawriter", "db_ddladmin", "db_denydatareader", "db_denydatawriter",
	"db_securityadmin", "db_accessadmin", "db_backupoperator"} // the last three have members and no effect

// systemSchemas have nothing that a user can put anything into.
var systemSchemas = []string{"INFORMATION_SCHEMA", "sys"}

// key is how an object is found: SQL Server's own collation for names is taken
// to be case-insensitive, as that of the databases here is.
func key(schemaName, name string) string {
	if schemaName == "" {
		schemaName = "dbo"
	}
	return fold(schemaName) + "." + fold(name)
}

func fold(name string) string { return strings.ToLower(name) }

// newDatabase makes the file and the catalogue of an empty database whose dbo is login.
func newDatabase(dir string, id int, name, login string) (*database, error) {
	path := filepath.Join(dir, fmt.Sprintf("database-%d.sqlite", id))
	// The catalogue of what an earlier server left would not be known.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the file of database %s: %w", name, err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("make the file of database %s: %w", name, err)
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // C:/… on Windows
		path = "/" + path
	}
	// Nothing here has to survive a power cut: the catalogue would not either.
	u := url.URL{Scheme: "file", Path: path, RawQuery: fmt.Sprintf(
		"_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=temp_store(MEMORY)", busyMillis)}
	file, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, fmt.Errorf("open the file of database %s: %w", name, err)
	}
	// A session has a connection of its own, which goes with it.
	file.SetMaxIdleConns(-1)
	d := &database{id: id, name: name, file: file, last: 100,
		schemas: map[string]*schema{}, objects: map[string]*object{}, principals: map[string]*principal{}}
	for _, r := range fixedRoles {
		d.addPrincipal(&principal{name: r, role: true, members: map[string]bool{}})
	}
	dbo := d.addPrincipal(&principal{name: "dbo", login: fold(login)})
	d.principals["db_owner"].members["dbo"] = true
	d.addSchema("dbo", dbo)
	for _, name := range systemSchemas {
		d.addSchema(name, dbo)
	}
	return d, nil
}

func (d *database) next() int { d.last++; return d.last }

func (d *database) addPrincipal(p *principal) *principal {
	p.id = d.next()
	d.principals[fold(p.name)] = p
	return p
}

func (d *database) addSchema(name string, owner *principal) {
	d.schemas[fold(name)] = &schema{id: d.next(), name: name, owner: owner}
}

// userOf is the user that a login has in the database; nil without one. An
// administrator is dbo everywhere. In master everybody has at least guest.
func (d *database) userOf(l *login) *principal {
	if l.sysadmin {
		return d.principals["dbo"]
	}
	for _, p := range d.principals {
		if !p.role && p.login == fold(l.name) {
			return p
		}
	}
	if d.id == masterID {
		return &principal{name: "guest", login: fold(l.name)}
	}
	return nil
}

// roles are the names, folded, of all roles that a principal is in, by itself
// or through another role, and its own.
func (d *database) roles(p *principal) map[string]bool {
	in := map[string]bool{fold(p.name): true, "public": true}
	for grown := true; grown; {
		grown = false
		for name, r := range d.principals {
			if !r.role || in[name] {
				continue
			}
			for m := range r.members {
				if in[m] {
					in[name], grown = true, true
				}
			}
		}
	}
	return in
}
