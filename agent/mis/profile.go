package mis

import "rollbridge/shared/record"

// A Profile says how one MIS is read: the content of a file configs/mis/*.yaml.
// It is not changed after LoadProfile and may be shared.
type Profile struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// Driver is "file"; Format is "csv" or "ctf".
	Driver       string       `yaml:"driver"`
	Format       string       `yaml:"format"`
	Capabilities Capabilities `yaml:"capabilities"`
	// NullMeans says what a pupil without a marker is: "not_in_care" or
	// "unknown".
	NullMeans string `yaml:"null_means"`
	// The form of the files; a Site may state another. Formats that say it
	// themselves (ctf) have none.
	Delimiter string                             `yaml:"delimiter"`
	Encoding  string                             `yaml:"encoding"`
	Dates     string                             `yaml:"dates"`
	Datasets  map[record.Dataset]*DatasetProfile `yaml:"datasets"`
}

// Capabilities is what the MIS, read this way, can say at all.
type Capabilities struct {
	CaringAuthority bool `yaml:"caring_authority"`
	CareDates       bool `yaml:"care_dates"`
	MISID           bool `yaml:"mis_id"`
	// Snapshot: one read brings all there is, so that what is missing is gone.
	Snapshot bool `yaml:"snapshot"`
}

// A DatasetProfile says where a dataset is and what its columns are called.
type DatasetProfile struct {
	// File is a name in the site's folder, or for ctf a pattern of names.
	File string `yaml:"file"`
	// Columns maps a field to the heading of its column (csv).
	Columns map[string]string `yaml:"columns"`
	// Values maps, per field, what the MIS writes to the code it stands for.
	Values map[string]map[string]string `yaml:"values"`
	// Evidence says how the names above are known: documented, seen, or site
	// (to be confirmed at each school).
	Evidence string `yaml:"evidence"`
}

// A Site is what differs from school to school, laid over a profile. The zero
// value of each field leaves the profile's own.
type Site struct {
	// Dir is the folder that the files are in; it must be given.
	Dir string
	// Delimiter is comma, semicolon or tab.
	Delimiter string
	// Encoding is utf-8, windows-1252 or utf-16 (with byte order mark).
	Encoding string
	// Dates is dd/mm/yyyy, yyyy-mm-dd or mm/dd/yyyy.
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

// A SiteDataset is the school's own form of one dataset.
type SiteDataset struct {
	File string
	// Columns are headings that this school's file has in place of the
	// profile's (the saved header map); an empty heading says that the file has
	// no such column.
	Columns map[string]string
	// Complete set to false says that a row that is missing from the file does
	// not mean that it is gone, so nothing of the dataset is ever removed.
	Complete *bool
}
