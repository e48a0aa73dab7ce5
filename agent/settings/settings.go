package settings

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"time"

	"rollbridge/agent/mis"
	"rollbridge/agent/mis/rest"
	"rollbridge/agent/mis/sqlserver"
	"rollbridge/agent/update"
	"rollbridge/agent/uplink/exit"
	"rollbridge/shared/record"
	"rollbridge/shared/release"
)

// Settings is everything that a school can set.
type Settings struct {
	DataDir  string   `config:"data_dir"`
	MIS      MIS      `config:"mis"`
	Uplink   Uplink   `config:"uplink"`
	Schedule Schedule `config:"schedule"`
	Updates  Updates  `config:"updates"`
	Log      Log      `config:"log"`
}

// MIS says what is read. Apart from Profile and from Folder, Server, Command or API
// everything is a correction of the profile for this one school; empty leaves the profile's
// own.
type MIS struct {
	// Profile is the name of a profile that comes with the program, or the path
	// of a file (it then ends in .yaml).
	Profile       string   `config:"profile"`
	Folder        string   `config:"folder"`
	Server        Server   `config:"server"`
	Command       Command  `config:"command"`
	API           API      `config:"api"`
	SiteFile      string   `config:"site_file"`
	Delimiter     string   `config:"delimiter"`
	Encoding      string   `config:"encoding"`
	Dates         string   `config:"dates"`
	NullMeans     string   `config:"null_means"`
	Nation        string   `config:"nation"`
	SettleSeconds int      `config:"settle_seconds"`
	FinalNewline  string   `config:"final_newline"`
	Datasets      Datasets `config:"datasets"`
}

// Datasets are the school's own forms of each dataset, one field for each of
// record.Datasets under its name.
type Datasets struct {
	Pupil            Dataset `config:"pupil"`
	SchoolHistory    Dataset `config:"school_history"`
	SEN              Dataset `config:"sen"`
	Welfare          Dataset `config:"welfare"`
	PEP              Dataset `config:"pep"`
	Contact          Dataset `config:"contact"`
	AgencyContact    Dataset `config:"agency_contact"`
	Attendance       Dataset `config:"attendance"`
	Behaviour        Dataset `config:"behaviour"`
	Achievement      Dataset `config:"achievement"`
	Detention        Dataset `config:"detention"`
	Exclusion        Dataset `config:"exclusion"`
	ExamResult       Dataset `config:"exam_result"`
	AssessmentResult Dataset `config:"assessment_result"`
	KPI              Dataset `config:"kpi"`
	Staff            Dataset `config:"staff"`
}

// each yields every dataset with its settings, in the order of record.Datasets;
// what is written there is kept.
func (d *Datasets) each() iter.Seq2[record.Dataset, *Dataset] {
	return func(yield func(record.Dataset, *Dataset) bool) {
		v := reflect.ValueOf(d).Elem()
		for i := range v.NumField() {
			name := record.Dataset(v.Type().Field(i).Tag.Get("config"))
			if !yield(name, v.Field(i).Addr().Interface().(*Dataset)) {
				return
			}
		}
	}
}

// A Dataset is the school's own form of one dataset.
type Dataset struct {
	File    string            `config:"file"`
	Columns map[string]string `config:"columns"`
	// Complete set to false says that a row that is missing from the file does
	// not mean that it is gone.
	Complete bool `config:"complete"`
	// Drop leaves the dataset out: this school has no such file or view, or does
	// not give it.
	Drop bool `config:"drop"`
}

// Uplink says how the collector is reached. Its address is in the enrolment
// code and cannot be set.
type Uplink struct {
	Proxy         string `config:"proxy" secret:"true"`
	PAC           string `config:"pac"`
	ProxyLogin    string `config:"proxy_login"`
	ProxyUser     string `config:"proxy_user"`
	ProxyPassword string `config:"proxy_password" secret:"true"`
	ProxyKeytab   string `config:"proxy_keytab"`
	CAFile        string `config:"ca_file"`
}

// Schedule says when the registers are expected to be taken.
type Schedule struct {
	Times []string `config:"times"`
}

// Updates says how the program itself is kept current.
type Updates struct {
	URL      string `config:"url"`
	Ring     string `config:"ring"`
	Window   string `config:"window"`
	HoldDays int    `config:"hold_days"`
}

// NoUpdates is the Updates.URL of a school that replaces the program itself.
const NoUpdates = "none"

// Log is the form of the service's own log, on standard error.
type Log struct {
	Format string `config:"format"`
	Level  string `config:"level"`
}

// Server is the SQL Server that a profile of driver sql asks. What each setting
// may say is checked by package sqlserver when a read begins, so that a school
// can pause and revoke whatever stands here.
type Server struct {
	Host            string `config:"host"`
	Instance        string `config:"instance"`
	Port            int    `config:"port"`
	Database        string `config:"database"`
	Schema          string `config:"schema"`
	School          string `config:"school"`
	Login           string `config:"login"`
	User            string `config:"user"`
	Password        string `config:"password" secret:"true"`
	Encryption      string `config:"encryption"`
	CAFile          string `config:"ca_file"`
	CertificateFile string `config:"certificate_file"`
	CertificateName string `config:"certificate_name"`
	TLSMin          string `config:"tls_min"`
	OldCiphers      bool   `config:"old_ciphers"`
	QuerySeconds    int    `config:"query_seconds"`
	LockSeconds     int    `config:"lock_seconds"`
}

// Command is the program that makes reports for a profile of driver report. What
// each setting may say is checked by package mis when a read begins.
type Command struct {
	Path            string `config:"path"`
	Server          string `config:"server"`
	Database        string `config:"database"`
	User            string `config:"user"`
	Password        string `config:"password" secret:"true"`
	AttendanceRange string `config:"attendance_range"`
	ReportSeconds   int    `config:"report_seconds"`
}

// API is the web interface that a profile of driver rest asks. Which names it
// asks for the profile says; package mis checks them when a read begins.
type API struct {
	Names          map[string]string `config:"names"`
	User           string            `config:"user"`
	Password       string            `config:"password" secret:"true"`
	RequestSeconds int               `config:"request_seconds"`
}

// Defaults are the settings of an agent whose file says nothing.
func Defaults() Settings {
	var whole Datasets
	for _, d := range whole.each() {
		d.Complete = true
	}
	return Settings{
		DataDir: defaultDataDir(),
		MIS: MIS{
			Server: defaultServer(), Command: Command{ReportSeconds: int(mis.DefaultReportTime / time.Second)},
			API: API{RequestSeconds: int(rest.DefaultRequestTime / time.Second)}, SettleSeconds: 5, Datasets: whole,
		},
		Uplink:   Uplink{ProxyLogin: exit.LoginAuto},
		Schedule: Schedule{Times: []string{"09:30", "13:45"}},
		Updates:  Updates{Ring: string(release.General)},
		Log:      Log{Format: "text", Level: "info"},
	}
}

func defaultServer() Server {
	return Server{
		Schema: mis.DefaultSchema, Login: sqlserver.LoginSQL, Encryption: sqlserver.EncryptRequired, TLSMin: "1.2",
		QuerySeconds: int(sqlserver.DefaultQueryTime / time.Second), LockSeconds: int(sqlserver.DefaultLockTime / time.Second),
	}
}

// Validate refuses settings that cannot work. All that is wrong is reported at
// once; no value of a secret is repeated.
func (s *Settings) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(s.DataDir != "", "data_dir must not be empty")
	check(s.MIS.SettleSeconds >= 0 && s.MIS.SettleSeconds <= 3600, "mis.settle_seconds must be 0 to 3600")
	check(s.MIS.Server.Port >= 0 && s.MIS.Server.Port <= 65535, "mis.server.port must be 1 to 65535, or 0 for SQL Server's own")
	check(s.MIS.Server.QuerySeconds >= 1 && s.MIS.Server.QuerySeconds <= 3600, "mis.server.query_seconds must be 1 to 3600")
	check(s.MIS.Server.LockSeconds >= 1 && s.MIS.Server.LockSeconds <= 3600, "mis.server.lock_seconds must be 1 to 3600")
	check(s.MIS.Command.ReportSeconds >= 1 && s.MIS.Command.ReportSeconds <= 7200, "mis.command.report_seconds must be 1 to 7200")
	check(s.MIS.API.RequestSeconds >= 1 && s.MIS.API.RequestSeconds <= 3600, "mis.api.request_seconds must be 1 to 3600")
	check(slices.Contains([]string{"text", "json"}, s.Log.Format), "log.format must be text or json")
	check(slices.Contains([]string{"debug", "info", "warn", "error"}, s.Log.Level), "log.level must be debug, info, warn or error")
	_, err := update.ParseWindow(s.Updates.Window)
	check(err == nil, "updates.window must be two times of day such as 18:00-05:00, at least half an hour apart, or empty for the whole day")
	check(s.Updates.Ring == string(release.General) || s.Updates.Ring == string(release.Early), "updates.ring must be general or early")
	check(s.Updates.HoldDays >= 0 && s.Updates.HoldDays <= update.MaxHoldDays, "updates.hold_days must be 0 to %d", update.MaxHoldDays)
	check(s.Updates.URL == "" || s.Updates.URL == NoUpdates || update.CheckAddress(s.Updates.URL) == nil,
		"updates.url must be https://host/path or http://host/path without a password, none for no updates, or empty for the one that is built in or the collector's")
	faults = append(faults, s.Uplink.Exit().Check())
	if _, err := s.Schedule.Minutes(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// Minutes are the times as minutes after midnight, rising, each once.
func (s Schedule) Minutes() ([]int, error) {
	if len(s.Times) == 0 || len(s.Times) > 12 {
		return nil, errors.New("schedule.times must name 1 to 12 times of day such as 09:30")
	}
	var all []int
	for _, text := range s.Times {
		t, err := time.Parse("15:04", text)
		if err != nil {
			return nil, fmt.Errorf("schedule.times: %q is not a time of day such as 09:30", text)
		}
		all = append(all, t.Hour()*60+t.Minute())
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
