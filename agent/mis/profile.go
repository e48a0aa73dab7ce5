package mis

import (
	"log/slog"

	"rollbridge/agent/mis/sqlserver"
	"rollbridge/shared/record"
)

// A Profile says how one MIS is read: the content of a file configs/mis/*.yaml.
// It is not changed after LoadProfile and may be shared.
type Profile struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// Driver is "file", with Format "csv" or "ctf", or "sql", "report" or "rest",
	// which have none.
	Driver       string       `yaml:"driver"`
	Format       string       `yaml:"format"`
	Capabilities Capabilities `yaml:"capabilities"`
	// NullMeans says what a pupil without a marker is: "not_in_care" or
	// "unknown".
	NullMeans string `yaml:"null_means"`
	// The form of the files; a Site may state another. Formats that say it
	// themselves (ctf) have none.
	Delimiter string `yaml:"delimiter"`
	Encoding  string `yaml:"encoding"`
	Dates     string `yaml:"dates"`
	// Needs are the tables and views that the queries read, each as
	// schema.object, where {schema} stands for the site's schema (sql).
	Needs map[string]*NeedProfile `yaml:"needs"`
	// School is the query that says which school this is (sql).
	School string `yaml:"school"`
	// API is how a web interface is reached, Lookups what is read of it beside the
	// datasets, Feeds its own lists of changes, Define what every jq expression may
	// call (rest).
	API      *APIProfile                        `yaml:"api"`
	Define   string                             `yaml:"define"`
	Lookups  map[string]*LookupProfile          `yaml:"lookups"`
	Feeds    map[string]*FeedProfile            `yaml:"feeds"`
	Datasets map[record.Dataset]*DatasetProfile `yaml:"datasets"`
}

// A NeedProfile is what one table or view must have.
type NeedProfile struct {
	// Evidence says how the names are known, as in a DatasetProfile.
	Evidence string `yaml:"evidence"`
	// Columns maps each column that a query names to the kind of its values:
	// text, whole, number, flag, date, time or id.
	Columns map[string]string `yaml:"columns"`
}

// Capabilities is what the MIS, read this way, can say at all.
type Capabilities struct {
	CaringAuthority bool `yaml:"caring_authority"`
	CareDates       bool `yaml:"care_dates"`
	MISID           bool `yaml:"mis_id"`
	// Snapshot: one read brings all there is, so that what is missing is gone.
	Snapshot bool `yaml:"snapshot"`
	// Changes: the MIS says itself what changed (rest, with feeds).
	Changes bool `yaml:"changes"`
}

// A DatasetProfile says where a dataset is and what its columns are called.
type DatasetProfile struct {
	// File is a name in the site's folder, or for ctf a pattern of names.
	File string `yaml:"file"`
	// Report is the name of a report in SIMS (report).
	Report string `yaml:"report"`
	// Columns maps a field to the heading of its column (csv), to its caption
	// (report), or to jq over a row (rest).
	Columns map[string]string `yaml:"columns"`
	// ColumnEvidence says how single columns are known where that is not Evidence
	// (report, rest).
	ColumnEvidence map[string]string `yaml:"column_evidence"`
	// Who is the query for the ids of the pupils who are in care, or about whom
	// the MIS does not say clearly that they are not; it is given for pupil only
	// (sql).
	Who string `yaml:"who"`
	// ByUPN is the query for the ids, UPNs and dates of birth of pupils with one of
	// the UPNs of the authorities' rosters; it is given for pupil only, and empty
	// where the school's pupils may not be looked up like that (sql).
	ByUPN string `yaml:"by_upn"`
	// Asking is the resource of the dataset (rest); its Query is also that of sql.
	Asking `yaml:",inline"`
	// Gate says who is in care; it is given for pupil only (rest).
	Gate *GateProfile `yaml:"gate"`
	// Confirm are fields whose names are not sure (rest).
	Confirm map[string]*ConfirmProfile `yaml:"confirm"`
	// Feeds name those of which one must tell of a change for the dataset to be
	// read (rest); empty means that it is always read.
	Feeds []string `yaml:"feeds"`
	// Identity names the fields that together tell one thing from the others of
	// its pupil, where the route has no column of the thing's own id; empty means
	// those that docs/profiles.md lists.
	Identity []string `yaml:"identity"`
	// NullMeans says, per yes-or-no field, what an empty value is: "no", or
	// "unknown", which is also what it is if nothing is said. Of the marker itself
	// the profile's own null_means speaks.
	NullMeans map[string]string `yaml:"null_means"`
	// Withhold names the fields that are left empty in rows which the marker, the
	// field Withhold, does not clearly release; empty means the sensitive ones.
	Withhold []string `yaml:"withhold"`
	// Values maps, per field, what the MIS writes to the code it stands for.
	Values map[string]map[string]string `yaml:"values"`
	// Evidence says how the names above are known: documented, seen, or site
	// (to be confirmed at each school).
	Evidence string `yaml:"evidence"`
}

// A Site is what differs from school to school, laid over a profile. The zero
// value of each field leaves the profile's own.
type Site struct {
	// Dir is the folder that the files are in; driver file needs it.
	Dir string
	// Server is the database; driver sql needs it.
	Server *Server
	// Command is the program that makes reports; driver report needs it.
	Command *Command
	// API is how this school's web interface is reached; driver rest needs it.
	API *API
	// File is what the school's site file says, nil for none.
	File *SiteFile
	// Log gets what a person should know of a connection, nil for nothing.
	Log *slog.Logger `json:"-"`
	// Delimiter is comma, semicolon or tab.
	Delimiter string
	// Encoding is utf-8, windows-1252 or utf-16 (with byte order mark).
	Encoding string
	// Dates is one of dateLayouts.
	Dates string
	// NullMeans is not_in_care or unknown.
	NullMeans string
	// Nation whose attendance codes are used: England (default) or Wales.
	Nation string
	// SettleSeconds is how long a file must have been left alone before it is
	// read; nil means 5, 0 reads at once.
	SettleSeconds *int
	// FinalNewline is required (default) or optional: whether a last line
	// without a line break is taken for a half-written file.
	FinalNewline string
	Datasets     map[record.Dataset]SiteDataset
}

// A Server is the database that driver sql reads.
type Server struct {
	// Settings say how it is reached. They are no part of the fingerprint: it
	// travels, and how a school's server is reached is nobody else's business.
	Settings sqlserver.Settings `json:"-"`
	// Schema stands for {schema} in queries and needs; empty is DefaultSchema.
	Schema string
	// School is the id of this school, for a database with several.
	School string
}

// DefaultSchema is the schema of the view contract (docs/mis/sql-views.md).
const DefaultSchema = "rollbridge"

// A SiteDataset is the school's own form of one dataset.
type SiteDataset struct {
	File string
	// Columns are headings, captions or expressions that this school has in place
	// of the profile's; an empty one says that there is no such column.
	Columns map[string]string
	// Complete set to false says that a row that is missing from the file does
	// not mean that it is gone, so nothing of the dataset is ever removed.
	Complete *bool
	// Drop leaves the profile's dataset out: this school has no such file or view.
	Drop bool
}
