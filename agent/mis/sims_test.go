package mis

import (
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// What sims-sql needs of SIMS, and the view of care that a school makes over a
// list of its own. 101 and 102 are at school 1, 201 is at school 2 of the same
// database; 102 came back after a year elsewhere and 103 has left.
const simsTables = `
CREATE SCHEMA sims AUTHORIZATION dbo;
GO
CREATE SCHEMA rollbridge AUTHORIZATION dbo;
GO
CREATE TABLE sims.sims_school (school_id int NOT NULL, status char(1) NULL);
CREATE TABLE sims.sims_person (person_id int NOT NULL, surname nvarchar(100) NULL, forename nvarchar(100) NULL, dob datetime NULL);
CREATE TABLE sims.stud_student (person_id int NOT NULL, unique_pupil_no varchar(13) NULL);
CREATE TABLE sims.sims_person_unique_learner_number (person_id int NOT NULL, unique_learner_number varchar(10) NULL);
CREATE TABLE sims.stud_school_history (person_id int NOT NULL, school_id int NOT NULL, admission_number varchar(10) NULL, start_date datetime NULL, end_date datetime NULL);
CREATE TABLE sims.att_mark_normalised (person_id int NOT NULL, mark varchar(4) NULL, att_week_id int NULL, session_start datetime NULL);
CREATE TABLE rollbridge.care (pupil int NOT NULL, InCare bit NULL, CareAuthority char(3) NULL, CareStart date NULL, CareEnd date NULL, PersonalEducationPlan bit NULL);
CREATE TABLE rollbridge.contact (pupil int NOT NULL, contact int NOT NULL, Forename nvarchar(100) NULL, Surname nvarchar(100) NULL, Relationship varchar(3) NULL, [Order] int NULL, Responsibility bit NULL, PhoneMobile varchar(20) NULL);
GO
INSERT INTO sims.sims_school (school_id, status) VALUES (1, 'S'), (9, 'O');
INSERT INTO sims.sims_person (person_id, surname, forename, dob) VALUES (101, N'Zqjxman', N'Ann', '2013-04-03'), (102, N'Zqjxley', N'Ben', '2014-06-05'),
	(103, N'Zqjxton', N'Cat', '2012-08-07'), (104, N'Zqjxham', N'Dai', '2012-08-08'), (201, N'Zqjxby', N'Eve', '2013-09-09');
INSERT INTO sims.stud_student (person_id, unique_pupil_no) VALUES (101, 'B801200005001'), (102, NULL), (103, NULL), (104, NULL), (201, NULL);
INSERT INTO sims.sims_person_unique_learner_number (person_id, unique_learner_number) VALUES (101, '1000000387');
INSERT INTO sims.stud_school_history (person_id, school_id, admission_number, start_date, end_date) VALUES
	(101, 1, '000101', '2024-09-04', NULL), (102, 1, '000012', '2023-09-04', '2024-07-20'), (102, 9, '7', '2024-09-04', '2025-07-20'),
	(102, 1, '000102', '2025-09-04', '2030-07-20'), (103, 1, '000103', '2023-09-04', '2025-07-20'), (104, 1, '000104', '2023-09-04', NULL),
	(201, 2, '000201', '2024-09-04', NULL);
INSERT INTO sims.att_mark_normalised (person_id, mark, att_week_id, session_start) VALUES (101, '/', 1, '2026-11-09 09:00:00'), (101, '\', 1, '2026-11-09 13:30:00'),
	(101, '/', 1, '2025-11-10 09:00:00'), (104, '/', 1, '2026-11-09 09:00:00'), (201, 'N', 1, '2026-11-09 12:00:00');
INSERT INTO rollbridge.care (pupil, InCare, CareAuthority, CareStart, PersonalEducationPlan) VALUES (101, 1, '933', '2024-02-12', 1), (102, 1, '815', NULL, NULL),
	(103, 1, '815', NULL, NULL), (201, 1, '933', NULL, NULL);
INSERT INTO rollbridge.contact (pupil, contact, Forename, Surname, Relationship, [Order], Responsibility, PhoneMobile) VALUES (101, 5, N'Zqjx', N'Zqjxman', 'FOM', 1, 0, '07700 900123');
GO
`

func simsSite(t *testing.T, change string) (*Profile, Site) {
	t.Helper()
	p, err := LoadProfile("sims-sql")
	if err != nil {
		t.Fatal(err)
	}
	_, at := sqlSite(t, simsTables+change, "sims", "rollbridge")
	return p, at
}

func TestSIMSTables(t *testing.T) {
	p, at := simsSite(t, "")
	got := mustRead(t, p, at)
	ann, ben := record.NewPupilID(idKey, "101", "B801200005001"), record.NewPupilID(idKey, "102")
	wantDiff(t, map[string]string{
		"pupil " + string(ann):                      `{"pupil":"` + string(ann) + `","UPN":"B801200005001","UniqueLearnerNumber":"1000000387","AdmissionNumber":"000101","Surname":"Zqjxman","Forename":"Ann","DOB":"2013-04-03","InCare":true,"CareAuthority":"933","CareStart":"2024-02-12","PersonalEducationPlan":true,"EntryDate":"2024-09-04"}`,
		"pupil " + string(ben):                      `{"pupil":"` + string(ben) + `","AdmissionNumber":"000102","Surname":"Zqjxley","Forename":"Ben","DOB":"2014-06-05","InCare":true,"CareAuthority":"815","EntryDate":"2025-09-04","LeavingDate":"2030-07-20"}`,
		"attendance " + string(ann) + "/2026-11-09": `{"pupil":"` + string(ann) + `","week":"2026-11-09","am":["/","","","",""],"pm":["\\","","","",""]}`,
	}, got.Lines)
	if d := got.Report.Datasets[0]; d.Rows != 2 || d.Matched != 2 {
		t.Errorf("pupils %+v: those who left, and those of another school, are not of this school", d)
	}
	if len(got.Report.Datasets) != 3 || got.Report.Datasets[1].Complete {
		t.Errorf("contacts, which this profile does not read, are %+v", got.Report.Datasets)
	}
}

func TestTwoSIMSSchoolsInOneDatabase(t *testing.T) {
	p, at := simsSite(t, "UPDATE sims.sims_school SET status = 'S';\nUPDATE sims.sims_school SET school_id = 2 WHERE school_id = 9;\n")
	if got := refused(t, p, at); !strings.Contains(got.Text, "this database has 2 schools: set mis.server.school") {
		t.Error(got.Text)
	}
	at.Server.School = "2"
	got := mustRead(t, p, at)
	eve := record.NewPupilID(idKey, "201")
	if len(got.records) != 2 || got.records[0].Pupil() != eve {
		t.Fatalf("%d records", len(got.records))
	}
	// Noon is the afternoon.
	if week := got.records[1].(*record.Attendance); week.PM[0] != "N" || week.AM[0] != "" {
		t.Errorf("week %+v", week)
	}
	at.Server.School = "3"
	if got := refused(t, p, at); !strings.Contains(got.Text, "mis.server.school names no school of this database, which has 2") {
		t.Error(got.Text)
	}
}

// Vendor tables and views of the contract go together, dataset by dataset.
func TestSIMSWithContactsOfTheContract(t *testing.T) {
	p, at := simsSite(t, "")
	at.File = siteFile(t, documentedSite(t))
	got := mustRead(t, p, at)
	contacts := 0
	for _, r := range got.records {
		if c, ok := r.(*record.Contact); ok && c.Relationship == "FOM" && c.Order == 1 {
			contacts++
		}
	}
	if contacts != 1 || !got.Report.Datasets[1].Complete {
		t.Errorf("%d contacts, %+v", contacts, got.Report.Datasets[1])
	}
}

func TestSIMSWithoutCare(t *testing.T) {
	p, at := simsSite(t, "DROP TABLE rollbridge.care;\n")
	if got := refused(t, p, at); !strings.Contains(got.Text, "[rollbridge].[care]") {
		t.Error(got.Text)
	}
	p, at = simsSite(t, "INSERT INTO sims.sims_person_unique_learner_number (person_id, unique_learner_number) VALUES (101, '1000000395');\n")
	if got := refused(t, p, at); !strings.Contains(got.Text, "again: there must be one row for each pupil") {
		t.Error(got.Text)
	}
	p, at = simsSite(t, "DELETE FROM sims.stud_school_history;\n")
	if got := refused(t, p, at); !strings.Contains(got.Text, "without a single pupil") {
		t.Error(got.Text)
	}
}
