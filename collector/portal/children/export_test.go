package children_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"rollbridge/collector/audit"
	"rollbridge/collector/database"
	"rollbridge/collector/database/dbtest"
	"rollbridge/collector/portal/account"
	"rollbridge/collector/portal/web/webtest"
	"rollbridge/shared/record"
)

// sheets are the rows of a workbook, by sheet.
func sheets(t *testing.T, file string) map[string][][]string {
	t.Helper()
	f, err := excelize.OpenReader(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := map[string][][]string{}
	for _, name := range f.GetSheetList() {
		if found[name], err = f.GetRows(name); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// texts are all texts of the parts of a file.
func texts(t *testing.T, file string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader([]byte(file)), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, part := range z.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func (r *rig) export(b *webtest.Browser, path, format, reason string) webtest.Answer {
	r.Helper()
	a := b.Post(path, "basis", "reason", "reason", reason, "format", format)
	if a.Code != 200 {
		r.Fatalf("%s: %d %s\n%s", path, a.Code, r.server.Log, a.Body)
	}
	if name := a.Header.Get("Content-Disposition"); !slices.Contains([]string{"attachment; filename=child." + format, "attachment; filename=children." + format}, name) {
		r.Errorf("the file is called %s", name)
	}
	return a
}

func TestExportOfAChild(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("oak", "Oak School")
		r.everything("oak", north)
		r.reads("oak", record.Datasets()...)
		c := r.child("oak", north, "Łukasz", "Ångström")
		r.full(c, "Wordly")
		other := r.child("oak", south, canary, canary)
		r.full(other, canary)
		r.Exec("UPDATE authorities SET label = 'OFFICIAL & CHILD' WHERE code = ?", north)
		admin := r.as("admin", account.Administrator, north)
		body := r.get(admin, path(c)+"/export")
		has(t, body, "OFFICIAL &amp; CHILD", "1 child", "<title>Export - Rollbridge</title>")

		for _, bad := range [][]string{{}, {"basis", "reason", "format", "xlsx"}, {"basis", "reason", "reason", "  ", "format", "xlsx"}, {"reason", "x", "format", "xlsx"},
			{"basis", "x", "reason", "x", "format", "xlsx"}, {"basis", "reason", "reason", "x", "format", "exe"}, {"basis", "reason", "reason", strings.Repeat("x", 501), "format", "xlsx"},
			{"basis", "reason", "reason", "x"}} {
			a := admin.Post(path(c)+"/export", bad...)
			if a.Code != 422 || a.Header.Get("Content-Disposition") != "" || !strings.Contains(a.Body, "<title>Error: ") {
				t.Errorf("%v: %d", bad, a.Code)
			}
		}
		if len(r.audited(north, audit.ChildrenExported)) != 0 {
			t.Error("an export that was not made is in the audit log")
		}
		for _, other := range []string{path(other), "/children/oak/" + strings.Repeat("f", 32)} {
			if a := admin.Post(other+"/export", "basis", "reason", "reason", "x", "format", "xlsx"); a.Code != 404 {
				t.Errorf("%s: %d", other, a.Code)
			}
		}

		file := r.export(admin, path(c)+"/export", "xlsx", "A plan\nthat is due").Body
		found := sheets(t, file)
		if len(found) < 14 {
			t.Errorf("%d sheets", len(found))
		}
		for name, rows := range found {
			if len(rows) == 0 || rows[0][0] != "OFFICIAL & CHILD" {
				t.Errorf("the sheet %s does not begin with the label", name)
			}
		}
		all := texts(t, file)
		has(t, all, "Wordly", "=1+1", "admin")
		lacks(t, all, "<f>", canary, "A plan")
		document := texts(t, r.export(admin, path(c)+"/export", "docx", "A plan").Body)
		has(t, document, "Wordly", "Łukasz Ångström", "OFFICIAL &amp; CHILD", "w:headerReference")
		lacks(t, document, canary, "A plan")
		entries := r.audited(north, audit.ChildrenExported)
		if len(entries) != 2 || entries[1].Reason != "A plan\nthat is due" || !slices.Equal(entries[1].Children, []record.PupilID{c.Pupil}) || entries[1].About != "xlsx reason of 1" {
			t.Errorf("the exports are logged as %+v", entries)
		}
		r.clean()
	})
}

func TestExportOfACohort(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db *database.DB) {
		r := newRig(t, db)
		r.School("oak", "Oak School")
		r.School("elm", "Elm School")
		for n := range 3 {
			r.full(r.child("oak", north, fmt.Sprintf("Child%d", n), "Oakly"), "Wordly")
		}
		elm := r.child("elm", north, "Child9", "Elmer")
		r.full(elm, "Elmword")
		gone := r.child("oak", north, "Child8", "Gone")
		r.full(gone, "Goneword")
		r.leave(gone)
		r.full(r.child("oak", south, canary, canary), canary)
		admin := r.as("admin", account.Administrator, north)
		has(t, r.get(admin, "/children"+query("school", "oak")), "/children/export?school=oak", "Export these 3 children")
		has(t, r.get(admin, "/children/export?school=oak"), "3 children")
		file := r.export(admin, "/children/export?school=oak", "xlsx", "Because").Body
		found := sheets(t, file)
		if n := len(found["Registration"]); n != 5+1+3 {
			t.Errorf("%d rows of children: %q", n, found["Registration"])
		}
		if rows := found["Behaviour"]; len(rows) != 5+1+3 {
			t.Errorf("%d rows of behaviour", len(rows))
		}
		all := texts(t, file)
		lacks(t, all, canary, "Elmword", "Elmer", "Goneword")
		left := sheets(t, r.export(admin, "/children/export?standing=left", "xlsx", "Because").Body)
		if rows := left["Behaviour"]; len(rows) != 5+1+1 || !strings.Contains(strings.Join(rows[len(rows)-1], " "), "Goneword") {
			t.Errorf("what left with a child is not exported: %q", rows)
		}
		document := texts(t, r.export(admin, "/children/export", "docx", "Because").Body)
		has(t, document, "Child0 Oakly", "Child9 Elmer", "Elmword")
		lacks(t, document, canary)
		entries := r.audited(north, audit.ChildrenExported)
		if len(entries) != 4 || len(entries[3].Children) != 3 {
			t.Errorf("%d entries of exports", len(entries))
		}
		// Nobody to export; a person who may not.
		if a := admin.Post("/children/export?school=none", "basis", "reason", "reason", "x", "format", "xlsx"); a.Header.Get("Content-Disposition") != "" {
			t.Error("a file of nobody")
		}
		for _, role := range []account.Role{account.Viewer, account.Caller} {
			b := r.as(string(role), role, north)
			if a := b.Post("/children/export", "basis", "reason", "reason", "x", "format", "xlsx"); a.Code != 403 {
				t.Errorf("%s exports: %d", role, a.Code)
			}
		}
		r.clean()
	})
}

func TestDocumentOfTooMany(t *testing.T) {
	r := newRig(t, dbtest.Migrated(t, dbtest.SQLite(t)))
	r.School("oak", "Oak School")
	for n := range 51 {
		r.child("oak", north, fmt.Sprint(n), "Same")
	}
	admin := r.as("admin", account.Administrator, north)
	a := admin.Post("/children/export", "basis", "consent", "reason", "x", "format", "docx")
	if a.Code != 422 || !strings.Contains(a.Body, "at most 50 children") {
		t.Errorf("%d", a.Code)
	}
	r.export(admin, "/children/export", "xlsx", "x")
	r.clean()
}
