package standin

import (
	"fmt"

	"rollbridge/e2e/standin/tsql"
)

// The functions of this file are called with the server's mutex held.

func (ss *session) createDatabase(st *tsql.CreateDatabase) error {
	s := ss.server
	if !ss.login.sysadmin {
		return fault(262, 14, "CREATE DATABASE permission denied in database 'master'.")
	}
	if _, ok := s.databases[fold(st.Name)]; ok {
		return fault(1801, 16, "Database '%s' already exists. Choose a different database name.", st.Name)
	}
	s.lastID++
	d, err := newDatabase(s.o.Dir, s.lastID, st.Name, ss.login.name)
	if err != nil {
		return err
	}
	s.databases[fold(st.Name)] = d
	return nil
}

// inUse says whether a session beside ss is in a database.
func (ss *session) inUse(d *database) bool {
	for o := range ss.server.sessions {
		if o != ss && o.d == d {
			return true
		}
	}
	return false
}

func (ss *session) alterDatabase(st *tsql.AlterDatabase) error {
	s, d := ss.server, ss.d
	if st.Name != "" {
		d = s.databases[fold(st.Name)]
	}
	if d == nil || !ss.login.sysadmin {
		return fault(5011, 14, "User does not have permission to alter database '%s', the database does not exist, or the database is not in a state that allows access checks.", st.Name)
	}
	if d.id == masterID {
		return fault(5058, 16, "Option '%s' cannot be set in database 'master'.", st.Option+st.NewName)
	}
	switch st.Option {
	case "":
		return ss.rename(d, st.NewName)
	case "ALLOW_SNAPSHOT_ISOLATION":
		d.snapshot = st.On
	case "READ_COMMITTED_SNAPSHOT":
		d.versioned = st.On
	case "SINGLE_USER":
		d.single = ss
		for o := range s.sessions {
			if o != ss && o.d == d {
				_ = o.conn.Close() // WITH ROLLBACK IMMEDIATE
			}
		}
	case "MULTI_USER":
		d.single = nil
	default:
		return notTranslated("the database option %s.", st.Option)
	}
	return nil
}

func (ss *session) rename(d *database, name string) error {
	s := ss.server
	if _, ok := s.databases[fold(name)]; ok {
		return fault(1801, 16, "Database '%s' already exists. Choose a different database name.", name)
	}
	if ss.inUse(d) && d.single != ss {
		return fault(5030, 16, "The database could not be exclusively locked to perform the operation.")
	}
	delete(s.databases, fold(d.name))
	d.name = name
	s.databases[fold(name)] = d
	return nil
}

func (ss *session) dropDatabase(st *tsql.DropDatabase) error {
	s := ss.server
	d, ok := s.databases[fold(st.Name)]
	switch {
	case !ok && st.IfExists:
		return nil
	case !ok, !ss.login.sysadmin:
		return cannotDrop("database", st.Name)
	case d.id == masterID:
		return fault(3708, 16, "Cannot drop the database 'master' because it is a system database.")
	case ss.d == d, ss.inUse(d) && d.single != ss:
		return fault(3702, 16, "Cannot drop database \"%s\" because it is currently in use.", st.Name)
	}
	delete(s.databases, fold(st.Name))
	if err := d.file.Close(); err != nil {
		return fmt.Errorf("drop database %s: %w", st.Name, err)
	}
	return nil
}
