package mis

import (
	"errors"
	"fmt"
	"maps"

	"rollbridge/shared/record"
)

// A SiteFile is what a school's own file lays over a profile of driver sql:
// the queries over tables that no profile can know. It is not changed after
// LoadSite and may be shared.
type SiteFile struct {
	NullMeans string                              `yaml:"null_means"`
	Needs     map[string]*NeedProfile             `yaml:"needs"`
	School    string                              `yaml:"school"`
	Datasets  map[record.Dataset]*SiteFileDataset `yaml:"datasets"`
}

// A SiteFileDataset replaces what it names of one dataset of the profile, or is
// a dataset that the profile does not have.
type SiteFileDataset struct {
	Who      string                       `yaml:"who"`
	ByUPN    string                       `yaml:"by_upn"`
	Query    string                       `yaml:"query"`
	Identity []string                     `yaml:"identity"`
	Values   map[string]map[string]string `yaml:"values"`
	Evidence string                       `yaml:"evidence"`
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
	if err := checkSiteFile(f, places{file: file, root: root}); err != nil {
		return nil, err
	}
	return f, nil
}

func checkSiteFile(f *SiteFile, at places) error {
	err := errors.Join(at.oneOf([]string{"null_means"}, f.NullMeans, nullMeanings, false), at.needs(f.Needs))
	if f.School != "" {
		_, bad := at.schoolQuery(f.School)
		err = errors.Join(err, bad)
	}
	for _, d := range sortedDatasets(f.Datasets) {
		err = errors.Join(err, checkSiteFileDataset(d, f.Datasets[d], at))
	}
	return err
}

func checkSiteFileDataset(d record.Dataset, own *SiteFileDataset, at places) error {
	path := []string{"datasets", string(d)}
	if err := at.dataset(path, d); err != nil {
		return err
	}
	if own == nil {
		return at.fault(path, "this dataset says nothing: give what differs from the profile, or remove it")
	}
	err := errors.Join(at.oneOf(append(path, "evidence"), own.Evidence, evidences, false), at.values(path, d, own.Values), at.identity(path, d, own.Identity))
	if own.Who != "" {
		_, bad := at.whoQuery(path, d, own.Who)
		err = errors.Join(err, bad)
	}
	if own.ByUPN != "" {
		_, bad := at.upnQuery(path, d, own.ByUPN)
		err = errors.Join(err, bad)
	}
	if own.Query != "" {
		_, bad := at.dataQuery(path, d, own.Query)
		err = errors.Join(err, bad)
	}
	return err
}

// with is the profile with a site file laid over it; neither is changed. A
// dataset's evidence falls to site where its query is the school's own.
func (p *Profile) with(f *SiteFile) *Profile {
	if f == nil {
		return p
	}
	made := *p
	if f.NullMeans != "" {
		made.NullMeans = f.NullMeans
	}
	if f.School != "" {
		made.School = f.School
	}
	made.Needs = overlaid(p.Needs, f.Needs)
	made.Datasets = overlaid(p.Datasets, nil)
	for d, own := range f.Datasets {
		made.Datasets[d] = own.over(p.Datasets[d])
	}
	return &made
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

func (s *SiteFileDataset) over(below *DatasetProfile) *DatasetProfile {
	made := DatasetProfile{Evidence: "site"}
	if below != nil {
		made = *below
	}
	if s.Who != "" {
		made.Who, made.Evidence = s.Who, "site"
	}
	if s.ByUPN != "" {
		made.ByUPN, made.Evidence = s.ByUPN, "site"
	}
	if s.Query != "" {
		made.Query, made.Evidence = Query{Text: s.Query}, "site"
	}
	if s.Evidence != "" {
		made.Evidence = s.Evidence
	}
	if len(s.Identity) > 0 {
		made.Identity = s.Identity
	}
	made.Values = overlaid(made.Values, s.Values)
	return &made
}
