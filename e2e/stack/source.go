package stack

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// A Source is what school IT writes into agent.yaml about the MIS: the section
// mis, without its profile.
type Source struct {
	profile  string
	settings map[string]any
}

// Folder is a MIS that writes its export into a folder, read with a profile of
// driver file (csv, ctf).
func Folder(profile, folder string) Source {
	return Source{profile: profile, settings: map[string]any{
		"folder": folder,
		// The demo school writes whole files and renames them, so none needs time
		// to settle.
		"settle_seconds": 0,
	}}
}

// A Reporter is the program that makes reports of a SIMS, and as whom it signs
// in; no User is the Windows account.
type Reporter struct {
	Path, Server, Database string
	User, Password         string
	AttendanceRange        string
	// Columns are the captions that the school gives, by dataset and field.
	Columns map[string]map[string]string
}

// Source is the program run for a profile of driver report.
func (r Reporter) Source(profile string) Source {
	return Source{profile: profile, settings: map[string]any{
		"command": map[string]any{
			"path": r.Path, "server": r.Server, "database": r.Database, "user": r.User, "password": r.Password,
			"attendance_range": r.AttendanceRange,
		},
		"datasets": columnsOf(r.Columns),
	}}
}

func columnsOf(given map[string]map[string]string) map[string]any {
	datasets := map[string]any{}
	for name, columns := range given {
		datasets[name] = map[string]any{"columns": columns}
	}
	return datasets
}

// An API is a MIS that answers over HTTP, and as whom the agent signs in.
type API struct {
	// Names are what the school says under mis.api.names: addresses, ids.
	Names          map[string]string
	User, Password string
	RequestSeconds int // 0: the agent's default
	// Columns are the jq expressions that the school gives, by dataset and field.
	Columns map[string]map[string]string
	// NullMeans is what the school says of a pupil without a marker; "" is the
	// profile's.
	NullMeans string
	SiteFile  string // over the profile
}

// Source is the MIS read with a profile of driver rest.
func (a API) Source(profile string) Source {
	api := map[string]any{"names": a.Names}
	for key, value := range map[string]string{"user": a.User, "password": a.Password} {
		if value != "" {
			api[key] = value
		}
	}
	if a.RequestSeconds != 0 {
		api["request_seconds"] = a.RequestSeconds
	}
	settings := map[string]any{"api": api}
	if len(a.Columns) > 0 {
		settings["datasets"] = columnsOf(a.Columns)
	}
	if a.NullMeans != "" {
		settings["null_means"] = a.NullMeans
	}
	if a.SiteFile != "" {
		settings["site_file"] = a.SiteFile
	}
	return Source{profile: profile, settings: settings}
}

// A Server is where a MIS on SQL Server is found, and as whom. What is empty
// is left to the agent's defaults.
type Server struct {
	Host            string
	Port            int
	Database        string
	Schema          string // of the views
	School          string // where the database has several
	User, Password  string
	Encryption      string
	CertificateFile string // pinned
	SiteFile        string // what the school's own databases have, over the profile
}

// Source is the server read with a profile of driver sql.
func (s Server) Source(profile string) Source {
	server := map[string]any{}
	for key, value := range map[string]string{
		"host": s.Host, "database": s.Database, "schema": s.Schema, "school": s.School, "user": s.User,
		"password": s.Password, "encryption": s.Encryption, "certificate_file": s.CertificateFile,
	} {
		if value != "" {
			server[key] = value
		}
	}
	if s.Port != 0 {
		server["port"] = s.Port
	}
	settings := map[string]any{"server": server}
	if s.SiteFile != "" {
		settings["site_file"] = s.SiteFile
	}
	return Source{profile: profile, settings: settings}
}

// write makes agent.yaml in dir, for nobody else's eyes: it may hold a password.
func (s Source) write(dir string) error {
	mis := map[string]any{"profile": s.profile}
	for key, value := range s.settings {
		if path, ok := value.(string); ok && key != "null_means" {
			full, err := filepath.Abs(path)
			if err != nil {
				return fmt.Errorf("write the agent's settings: %w", err)
			}
			value = full
		}
		mis[key] = value
	}
	text, err := yaml.Marshal(map[string]any{"mis": mis})
	if err != nil {
		return fmt.Errorf("write the agent's settings: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "agent.yaml"), text, 0o600); err != nil {
		return fmt.Errorf("write the agent's settings: %w", err)
	}
	return nil
}
