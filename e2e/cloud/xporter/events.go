package xporter

import (
	"slices"
	"strings"
	"time"

	"rollbridge/e2e/demoschool"
	"rollbridge/shared/codes"
)

// between are the days that a list must be asked for.
func between(ask request) (from, to time.Time, err *fault) {
	from, wrong := time.Parse(time.DateOnly, ask.get("DateFrom"))
	to, alsoWrong := time.Parse(time.DateOnly, ask.get("DateTo"))
	if wrong != nil || alsoWrong != nil {
		return from, to, &fault{"System.ArgumentException", "DateFrom and DateTo are mandatory, as yyyy-MM-dd."}
	}
	return from, to, nil
}

// attendance are the sessions of this academic year.
func (s *Service) attendance(ask request) ([]table, *fault) {
	from, to, err := between(ask)
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, p := range s.pupils(ask.id) {
		for m := range s.School.Marks(p.ID) {
			if m.Date.Before(from) || m.Date.After(to) {
				continue
			}
			date, mark := m.Date.Format(time.DateOnly), m.Code
			if mark == "" {
				mark = "-"
			}
			r := row{
				"Id": p.ID + "." + date + "." + string(m.Session), "Date": date, "StudentId": p.ID, "Mark": mark,
				"MinsLate": nil, "Notes": nil, "Type": "S", "Session": string(m.Session),
			}
			if m.MinutesLate > 0 {
				r["MinsLate"] = m.MinutesLate
			}
			rows = append(rows, r)
		}
	}
	return one("AttendMarks", rows)
}

// conduct has each event once, and beside it everybody who took part: whoever
// asks for one pupil's also gets the others of the same event.
func (s *Service) conduct(ask request) ([]table, *fault) {
	from, to, err := between(ask)
	if err != nil {
		return nil, err
	}
	events, parts, staff := table{name: "Conducts"}, table{name: "StudentConducts"}, table{name: "StaffConducts"}
	witness := s.School.NotLookedAfter()[0].ID
	for _, kind := range []struct {
		category string
		book     *demoschool.Book[demoschool.Conduct]
	}{{"Beh", s.School.Behaviour}, {"Ach", s.School.Achievement}} {
		if filter := ask.get("conductCategory"); filter != "" && filter != kind.category {
			continue
		}
		for _, p := range s.pupils(ask.get("StudentId")) {
			for e := range kind.book.Of(p.ID) {
				if e.Date.Before(from) || e.Date.After(to) {
					continue
				}
				id := kind.category + "." + e.ID
				event := row{
					"Id": id, "ConductId": e.ID, "ConductType": e.Type, "Date": day(e.Date), "Activity": text(e.Category), "Status": text(e.Status),
					"Location": "Classroom", "RecordedBy": "Mr A Example", "Category": kind.category,
				}
				s.add(event, "ConductComments", row{"Description": text(e.Comments)})
				events.rows = append(events.rows, stamped(event))
				for _, who := range []string{p.ID, witness} {
					parts.rows = append(parts.rows, stamped(row{
						"Id": "PL-" + who + "." + id, "StudentId": who, "ConductId": id, "Points": e.Points, "Outcome": nil, "Role": "Participant",
					}))
					if witness == p.ID {
						break
					}
				}
			}
		}
	}
	return []table{events, parts, staff}, nil
}

func (s *Service) exclusions(ask request) ([]table, *fault) {
	var rows []row
	for _, p := range s.pupils(ask.id) {
		for e := range s.School.Exclusion.Of(p.ID) {
			r := row{
				"Id": e.ID, "StudentId": p.ID, "Forename": p.LegalForename, "Surname": p.LegalSurname, "ExclusionTypeCode": e.Category,
				"ExclusionReasonCode": nil, "ExclusionSessions": nil, "StartDate": day(e.StartDate), "EndDate": day(e.EndDate),
				"StartSession": text(string(e.StartSession)), "EndSession": text(string(e.EndSession)), "DisiplinaryResult": nil, "CommiteeHearingDate": nil,
			}
			if e.Category == "SUSP" {
				r["ExclusionTypeCode"] = "FIXD"
			}
			if len(e.Reasons) > 0 {
				r["ExclusionReasonCode"] = e.Reasons[0]
			}
			if e.Sessions > 0 {
				r["ExclusionSessions"], r["ExclusionDays"] = e.Sessions, float64(e.Sessions)/2
			}
			if label, known := codes.Lookup("exclusion_review_result", e.Review); known {
				r["DisiplinaryResult"] = label.Label
			}
			if slices.Contains(strings.Split(ask.get("options"), ","), "includeComments") {
				r["Comments"] = text(e.Comments)
			}
			rows = append(rows, stamped(r))
		}
	}
	return one("StudentExclusions", rows)
}

// history are the schools before this one.
func (s *Service) history(ask request) ([]table, *fault) {
	var rows []row
	for _, p := range s.pupils(ask.id) {
		for h := range s.School.SchoolHistory.Of(p.ID) {
			if h.URN == demoschool.SchoolURN {
				continue
			}
			label, _ := codes.Lookup("leaving_reason", h.LeavingReason)
			rows = append(rows, stamped(row{
				"Id": h.ID, "StudentId": p.ID, "Forename": p.LegalForename, "Surname": p.LegalSurname, "PreviousSchoolName": h.SchoolName,
				"LEA": text(h.LEA), "EstabId": text(h.LEA + h.Estab), "LeavingDate": day(h.LeavingDate), "LeavingReason": text(label.Label),
			}))
		}
	}
	return one("StudentSchoolHistory", rows)
}

func (s *Service) sen(ask request) ([]table, *fault) {
	types, provisions, disabilities := table{name: "StudentSENTypeHistory"}, table{name: "StudentSENProvisionHistory"}, table{name: "StudentDisabilities"}
	for _, p := range s.pupils(ask.get("StudentId")) {
		for e := range s.School.SEN.Of(p.ID) {
			provisions.rows = append(provisions.rows, row{
				"Id": e.ID, "StudentMis_Id": p.ID, "SENProvisionCode": text(e.Provision),
				"SENProvisionStartDate": day(e.StartDate), "SENProvisionEndDate": day(e.EndDate), "Active": flag(e.EndDate.IsZero()),
			})
			for i, need := range e.Needs {
				types.rows = append(types.rows, row{
					"Id": e.ID + "." + need, "StudentMis_Id": p.ID, "NeedTypeCode": need, "Rank": i + 1,
					"NeedStartDate": day(e.StartDate), "NeedEndDate": day(e.EndDate), "Active": flag(e.EndDate.IsZero()),
				})
			}
		}
		for w := range s.School.Welfare.Of(p.ID) {
			for _, d := range w.Disabilities {
				if label, known := codes.Lookup("disability", d); known && d != "NONE" {
					disabilities.rows = append(disabilities.rows, row{"Id": p.ID + "." + d, "StudentMis_Id": p.ID, "Disability": label.Label, "Active": 1})
				}
			}
		}
	}
	return []table{types, provisions, disabilities}, nil
}

// Aspect is what an assessment's aspect is called here: figures of one name that
// are unlike in kind have aspects of their own. Empty is one of a key stage, which
// this service does not have.
func Aspect(name, status string) string {
	if name == "" || status == "" {
		return name
	}
	return name + " (" + status + ")"
}

func (s *Service) assessmentStructure(request) ([]table, *fault) {
	for _, p := range s.pupils("") {
		for a := range s.School.Assessment.Of(p.ID) {
			if a.Aspect != "" {
				s.aspects.of(Aspect(a.Aspect, a.ResultStatus))
				s.sets.of(a.ResultSet)
			}
		}
	}
	tables := []table{{name: "Aspects"}, {name: "ResultSets"}}
	for i, n := range []*numbers{&s.aspects, &s.sets} {
		for _, name := range n.names {
			tables[i].rows = append(tables[i].rows, row{"Id": n.of(name), "Name": name, "AspectType": "Grade"})
		}
	}
	return tables, nil
}

func (s *Service) assessmentResults(ask request) ([]table, *fault) {
	if ask.get("Students") == "" {
		return nil, &fault{"System.ArgumentException", "At least one filter must be populated."}
	}
	var rows []row
	for _, p := range s.pupils(ask.get("Students")) {
		for a := range s.School.Assessment.Of(p.ID) {
			if a.Aspect == "" {
				continue
			}
			rows = append(rows, row{
				"Id": a.ID, "StudentId": p.ID, "AspectId": s.aspects.of(Aspect(a.Aspect, a.ResultStatus)), "ResultSetId": s.sets.of(a.ResultSet),
				"ResultDate": day(a.ResultDate), "Result": a.Result, "Notes": nil,
			})
		}
	}
	return one("AsmResults", rows)
}

func (s *Service) agencies(ask request) ([]table, *fault) {
	agency, agent := table{name: "Agency"}, table{name: "Agent"}
	ofStudent, agentOf, between := table{name: "AgencyStudent"}, table{name: "AgentStudent"}, table{name: "AgencyAgent"}
	once := map[string]bool{}
	add := func(t *table, r row) {
		if key := t.name + r["Id"].(string); !once[key] {
			once[key] = true
			t.rows = append(t.rows, stamped(r))
		}
	}
	for _, p := range s.pupils(ask.get("StudentId")) {
		for a := range s.School.AgencyContact.Of(p.ID) {
			of := "A" + a.ID // one agency for each agent: some share a name
			place := address(a.Address, a.Postcode)
			place["Town"], place["Postcode"], place["HouseNumber"] = place["TownOrCity"], place["PostCode"], place["HouseNo"]
			for _, other := range []string{"TownOrCity", "PostCode", "HouseNo"} {
				delete(place, other)
			}
			place["Id"], place["AgencyType"], place["AgencyName"], place["Telephone"] = of, text(a.AgencyType), text(a.Agency), nil
			add(&agency, place)
			add(&agent, row{
				"Id": a.ID, "Title": text(a.Title), "Forename": a.Forename, "Surname": a.Surname, "Telephone": text(a.WorkPhone),
				"EmailAddress": text(a.Email), "PrimaryTelephone": text(a.WorkPhone), "PrimaryEmailAddress": text(a.Email),
			})
			add(&ofStudent, row{"Id": p.ID + "." + of, "AgencyId": of, "StudentId": p.ID, "AgencyStudentLinkType": text(a.AgencyType)})
			add(&agentOf, row{"Id": p.ID + "." + a.ID, "AgentId": a.ID, "StudentId": p.ID, "AgentStudentLinkType": text(a.Role), "AgentStudentEndDate": nil})
			add(&between, row{"Id": of + "." + a.ID, "AgencyId": of, "AgentId": a.ID})
		}
	}
	return []table{agency, agent, ofStudent, agentOf, between}, nil
}

func (s *Service) detentions(ask request) ([]table, *fault) {
	var rows []row
	for _, p := range s.pupils(ask.id) {
		for d := range s.School.Detention.Of(p.ID) {
			r := row{
				"Id": d.ID, "StudentId": p.ID, "DetentionDate": day(d.Date), "StartTime": text(d.StartTime), "EndTime": text(d.EndTime),
				"DetentionType": text(d.Type), "Attended": nil, "Notes": text(d.Comments),
			}
			if yes := d.Attended.Bool(); yes != nil {
				r["Attended"] = flag(*yes)
			}
			rows = append(rows, stamped(r))
		}
	}
	return one("StudentDetentions", rows)
}
