package stack

import (
	"rollbridge/agent/mis"
	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/reporter"
	"rollbridge/shared/record"
)

// Reports are a SIMS in which somebody has built the reports of the page, with a
// column for every field of the demo school's CSV files, and the captions that
// the school gives where the profile has none. rangeID is the id of the parameter
// of the attendance report for a range of dates, empty for none.
func Reports(rangeID string) (db reporter.Database, captions map[string]map[string]string, err error) {
	profile, err := mis.LoadProfile("sims-report")
	if err != nil {
		return db, nil, err
	}
	db = reporter.Database{Name: "SIMS", Trusted: true, ThirdParty: true, Reports: map[string]reporter.Report{}, Troubles: map[string]reporter.Trouble{}}
	captions = map[string]map[string]string{}
	for _, f := range demoschool.CSVFiles() {
		own := profile.Datasets[record.Dataset(f.Dataset)]
		report := reporter.Report{File: f.Name}
		if f.Dataset == string(record.DatasetAttendance) {
			report.Range = rangeID
		}
		captions[f.Dataset] = map[string]string{}
		for _, h := range f.Headings {
			caption := own.Columns[h.Field]
			if caption == "" {
				caption = h.Text
				captions[f.Dataset][h.Field] = caption
			}
			report.Columns = append(report.Columns, reporter.Column{Caption: caption, Heading: h.Text, ID: h.Field == "pupil" || h.Field == f.Dataset})
		}
		db.Reports[own.Report] = report
	}
	return db, captions, nil
}
