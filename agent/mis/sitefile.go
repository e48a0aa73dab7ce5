package mis

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"rollbridge/shared/record"
)

// A SiteFile is what a school's own file lays over a profile of any driver. It
// has the form of a profile and holds only what differs: what it names stands in
// place of what the profile has there, and everything else stays. It is not
// changed after LoadSite and may be shared.
type SiteFile struct {
	// NullMeans stands in place of the profile's.
	NullMeans string `yaml:"null_means"`
	// Needs are added to the profile's, or stand in their place (sql).
	Needs map[string]*NeedProfile `yaml:"needs"`
	// School is the query that says which school this is (sql).
	School string `yaml:"school"`
	// API gives what the profile asks of each school (rest).
	API *SiteFileAPI `yaml:"api"`
	// Lookups are laid over those of the profile, or are new (rest).
	Lookups map[string]*LookupProfile `yaml:"lookups"`
	// Datasets are laid over those of the profile, or are new. What a dataset may
	// have depends on the driver. An empty column says that there is none.
	Datasets map[record.Dataset]*DatasetProfile `yaml:"datasets"`

	at places
}

// A SiteFileAPI is what a site file may say of a web interface.
type SiteFileAPI struct {
	Names map[string]*SiteFileName `yaml:"names"`
}

// A SiteFileName is what stands for a name unless the settings say it.
type SiteFileName struct {
	Default string `yaml:"default"`
}

// LoadSite reads the site file of that path. What can be judged without the
// profile is judged here, with file and line; Open and Lint judge the two
// together.
func LoadSite(path string) (*SiteFile, error) {
	data, err := readSettings(path)
	if err != nil {
		return nil, fmt.Errorf("read the site file: %w", err)
	}
	f, err := parseSite(path, data)
	if err != nil {
		return nil, fmt.Errorf("site file: %w", err)
	}
	return f, nil
}

func parseSite(file string, data []byte) (*SiteFile, error) {
	f := new(SiteFile)
	root, err := decodeStrict(file, data, f)
	if err != nil {
		return nil, err
	}
	f.at = places{file: file, root: root}
	return f, f.check()
}

func (f *SiteFile) check() error {
	at := f.at
	err := errors.Join(at.noMerges(at.root), at.oneOf([]string{"null_means"}, f.NullMeans, nullMeanings, false), at.needs(f.Needs))
	if f.School != "" {
		_, bad := at.schoolQuery(f.School)
		err = errors.Join(err, bad)
	}
	for _, d := range sortedDatasets(f.Datasets) {
		err = errors.Join(err, checkSiteFileDataset(d, f.Datasets[d], at))
	}
	return err
}

// noMerges refuses <<, for which no line could be named.
func (p places) noMerges(node *yaml.Node) error {
	if node.Tag == "!!merge" {
		return fmt.Errorf("%s:%d: << cannot be used here: write out what it stands for", p.file, node.Line)
	}
	for _, part := range node.Content {
		if err := p.noMerges(part); err != nil {
			return err
		}
	}
	return nil
}

func checkSiteFileDataset(d record.Dataset, own *DatasetProfile, at places) error {
	path := []string{"datasets", string(d)}
	if err := at.dataset(path, d); err != nil {
		return err
	}
	if own == nil {
		return at.fault(path, "this dataset says nothing: give what differs from the profile, or remove it")
	}
	err := errors.Join(at.oneOf(under(path, "evidence"), own.Evidence, evidences, false), at.values(path, d, own.Values),
		at.nullMeans(path, d, own.NullMeans), at.identity(path, d, own.Identity), at.fields(path, d, own.Columns))
	if own.Who != "" {
		_, bad := at.whoQuery(path, d, own.Who)
		err = errors.Join(err, bad)
	}
	if own.ByUPN != "" {
		_, bad := at.upnQuery(path, d, own.ByUPN)
		err = errors.Join(err, bad)
	}
	if own.Query.Text != "" {
		_, bad := at.dataQuery(path, d, own.Query.Text)
		err = errors.Join(err, bad)
	}
	return err
}

// What a site file may say, by driver and format: at its top, and of a dataset.
var (
	siteTop = map[string][]string{
		driverSQL:  {"needs", "school"},
		driverREST: {"api", "lookups"},
	}
	siteAlways   = []string{"identity", "values", "null_means", "withhold", "evidence"}
	siteDatasets = map[[2]string][]string{
		{driverFile, "csv"}: {"file", "columns"},
		{driverFile, "ctf"}: nil,
		{driverSQL, ""}:     {"who", "by_upn", "query"},
		{driverReport, ""}:  {"report", "columns", "column_evidence"},
		{driverREST, ""}: {"get", "query", "rows", "each", "batch", "windows", "paging", "from", "ids", "columns", "column_evidence",
			"gate", "confirm", "feeds"},
	}
	// What is asked for; where the school says it, the school knows it.
	siteAsked = []string{"file", "report", "who", "by_upn", "get", "query", "rows", "each"}
)

// fits refuses what the driver of the profile has no use for.
func (f *SiteFile) fits(p *Profile) error {
	at := f.at
	what := p.Driver
	if p.Format != "" {
		what += " with format " + p.Format
	}
	refuse := func(path []string, may []string) error {
		return at.fault(path, "the profile %s (driver %s) has no use for %s: remove it; there may be %s", p.Name, what, path[len(path)-1], strings.Join(may, ", "))
	}
	var err error
	top := slices.Concat([]string{"null_means", "datasets"}, siteTop[p.Driver])
	for _, name := range keysAt(at.root) {
		if !slices.Contains(top, name) {
			err = errors.Join(err, refuse([]string{name}, top))
		}
	}
	may := slices.Concat(siteDatasets[[2]string{p.Driver, p.Format}], siteAlways)
	for _, d := range sortedDatasets(f.Datasets) {
		for _, name := range f.keys(d) {
			if !slices.Contains(may, name) {
				err = errors.Join(err, refuse([]string{"datasets", string(d), name}, may))
			}
		}
	}
	if f.API == nil || p.API == nil {
		return err
	}
	known := slices.Sorted(maps.Keys(p.API.Names))
	for _, name := range slices.Sorted(maps.Keys(f.API.Names)) {
		if p.API.Names[name] == nil {
			err = errors.Join(err, at.fault([]string{"api", "names", name}, "the profile %s does not ask for this name%s; it asks for %s", p.Name, didYouMean(name, known), strings.Join(known, ", ")))
		}
	}
	return err
}

// keys are the names that the file gives for a dataset.
func (f *SiteFile) keys(d record.Dataset) []string {
	_, node := f.at.find([]string{"datasets", string(d)})
	return keysAt(node)
}

// keysAt are the names in a section, in the order of the file.
func keysAt(node *yaml.Node) []string {
	node = aliased(node)
	if node.Kind != yaml.MappingNode {
		return nil
	}
	var keys []string
	for i := 0; i+1 < len(node.Content); i += 2 {
		keys = append(keys, node.Content[i].Value)
	}
	return keys
}

func aliased(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

// With is the profile with a site file laid over it, f itself nil or not;
// neither is changed. Its error says with file and line what the driver has no
// use for. How names are known falls to site where the school gives them.
func (p *Profile) With(f *SiteFile) (*Profile, error) {
	if f == nil {
		return p, nil
	}
	if err := f.fits(p); err != nil {
		return nil, err
	}
	made := *p
	if err := lay(f.at.root, &made); err != nil {
		return nil, fmt.Errorf("lay the site file over the profile: %w", err)
	}
	for d, own := range f.Datasets {
		settle(made.Datasets[d], own, f.keys(d), p.Datasets[d] == nil)
	}
	return &made, nil
}

// settle says how the names of a dataset are known after a site file was laid
// over it, and takes out the columns that there are not.
func settle(made, own *DatasetProfile, given []string, isNew bool) {
	asked := func(name string) bool { return slices.Contains(siteAsked, name) }
	if !slices.Contains(given, "evidence") && (isNew || slices.ContainsFunc(given, asked)) {
		made.Evidence = evidenceSite
	}
	evidence := maps.Clone(made.ColumnEvidence)
	for field, text := range own.Columns {
		if _, said := own.ColumnEvidence[field]; strings.TrimSpace(text) == "" {
			delete(made.Columns, field) // a map of its own, since the file has columns
			delete(evidence, field)
		} else if evidence[field] != "" && !said {
			evidence[field] = evidenceSite
		}
	}
	made.ColumnEvidence = evidence
}

// without is the profile without the datasets that a site leaves out; it is
// not changed.
func (p *Profile) without(site map[record.Dataset]SiteDataset) *Profile {
	made := *p
	made.Datasets = maps.Clone(p.Datasets)
	maps.DeleteFunc(made.Datasets, func(d record.Dataset, _ *DatasetProfile) bool { return site[d].Drop })
	return &made
}

func overlaid[K comparable, V any](below, above map[K]V) map[K]V {
	made := make(map[K]V, len(below)+len(above))
	maps.Copy(made, below)
	maps.Copy(made, above)
	return made
}
