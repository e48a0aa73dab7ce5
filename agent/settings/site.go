package settings

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/record"
)

// errNoMIS is returned where a MIS is to be read and none is set.
var errNoMIS = errors.New("no MIS is set: give mis.profile, and mis.folder (the full path of the export; profiles csv and ctf), mis.server (the database; profiles sql-views and sims-sql), mis.command (the program; profile sims-report) or mis.api (the web interface; the profiles of driver rest), in agent.yaml in the data directory; `rollbridge-agent config explain` shows what is in force")

// Site is what the settings lay over the profile, the site file among it. A
// relative path would depend on where a command is started, so it is refused.
// A web interface is reached on the same way out of the school as the collector.
func (s Settings) Site() (mis.Site, error) {
	site, err := s.MIS.site()
	if err != nil || site.API == nil {
		return site, err
	}
	return site, s.Uplink.Carry(site.API)
}

func (m MIS) site() (mis.Site, error) {
	if m.Profile == "" || m.Folder == "" && !m.Server.given() && !m.Command.given() && !m.API.given() {
		return mis.Site{}, errNoMIS
	}
	return m.overlay()
}

// Overlay is what the settings lay over the profile, whether or not they say
// where the MIS is.
func (s Settings) Overlay() (mis.Site, error) { return s.MIS.overlay() }

func (m MIS) overlay() (mis.Site, error) {
	if err := m.fullPaths(); err != nil {
		return mis.Site{}, err
	}
	settle := m.SettleSeconds
	site := mis.Site{
		Dir: m.Folder, Delimiter: m.Delimiter, Encoding: m.Encoding, Dates: m.Dates, NullMeans: m.NullMeans,
		Nation: m.Nation, SettleSeconds: &settle, FinalNewline: m.FinalNewline,
		Datasets: map[record.Dataset]mis.SiteDataset{},
	}
	if m.Server.given() {
		site.Server = m.Server.site()
	}
	if m.Command.given() {
		site.Command = m.Command.site()
	}
	if m.API.given() {
		site.API = m.API.site()
	}
	if m.SiteFile != "" {
		var err error
		if site.File, err = mis.LoadSite(m.SiteFile); err != nil {
			return mis.Site{}, err
		}
	}
	for name, d := range m.Datasets.each() {
		// A dataset about which nothing is said may be one that the profile does not have.
		if complete := d.Complete; !complete || d.File != "" || len(d.Columns) > 0 || d.Drop {
			site.Datasets[name] = mis.SiteDataset{File: d.File, Columns: d.Columns, Complete: &complete, Drop: d.Drop}
		}
	}
	return site, nil
}

func (m MIS) fullPaths() error {
	var faults []error
	for _, p := range []struct{ key, path string }{
		{"mis.folder", m.Folder}, {"mis.site_file", m.SiteFile}, {"mis.command.path", m.Command.Path},
		{"mis.server.ca_file", m.Server.CAFile}, {"mis.server.certificate_file", m.Server.CertificateFile},
	} {
		if p.path != "" && !filepath.IsAbs(p.path) {
			faults = append(faults, fmt.Errorf("%s must be a full path: the service and the commands are not started from the same place", p.key))
		}
	}
	return errors.Join(faults...)
}

// given says whether anything of the server was set.
func (s Server) given() bool { return s != defaultServer() }

func (s Server) site() *mis.Server {
	return &mis.Server{
		Schema: s.Schema, School: s.School,
		Settings: sqlserver.Settings{
			Host: s.Host, Instance: s.Instance, Port: s.Port, Database: s.Database,
			Login: s.Login, User: s.User, Password: s.Password,
			Encryption: s.Encryption, CAFile: s.CAFile, CertificateFile: s.CertificateFile, CertificateName: s.CertificateName,
			TLSMin: s.TLSMin, OldCiphers: s.OldCiphers,
			QueryTime: time.Duration(s.QuerySeconds) * time.Second, LockTime: time.Duration(s.LockSeconds) * time.Second,
		},
	}
}

// given says whether anything of the program was set but how long it may take.
func (c Command) given() bool { return c != Command{ReportSeconds: c.ReportSeconds} }

func (c Command) site() *mis.Command {
	return &mis.Command{
		Path: c.Path, Server: c.Server, Database: c.Database, User: c.User, Password: c.Password,
		AttendanceRange: c.AttendanceRange, Time: time.Duration(c.ReportSeconds) * time.Second,
	}
}

// given says whether anything of the interface was set but how long it may take.
func (a API) given() bool { return a.User != "" || a.Password != "" || len(a.Names) > 0 }

func (a API) site() *mis.API {
	return &mis.API{Names: a.Names, User: a.User, Password: a.Password, RequestTime: time.Duration(a.RequestSeconds) * time.Second}
}
