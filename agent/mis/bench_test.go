package mis

import (
	"context"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"rollbridge/shared/record"
)

// bigSchool writes the files of a school of pupils, one of 25 in care, with a
// year of marks: the yardstick of performance.md.
func bigSchool(tb testing.TB, pupils int) (dir string, rows int) {
	tb.Helper()
	var p, c, m strings.Builder
	p.WriteString("Pupil ID,UPN,Surname,Forename,Born,Sex,Year,In Care,Authority\r\n")
	c.WriteString("Contact ID,Pupil ID,Surname,Relationship,Mobile\r\n")
	m.WriteString("Pupil ID,Date,Session,Mark,Late\r\n")
	for i := range pupils {
		care := "No,"
		if i%25 == 0 {
			care = "Yes,933"
		}
		fmt.Fprintf(&p, "%d,,Surname%d,Forename%d,03/04/2013,F,8,%s\r\n", 20000+i, i, i, care)
		fmt.Fprintf(&c, "%d,%d,Surname%d,FOM,07700 900123\r\n", 50000+i, 20000+i, i)
	}
	rows = 2 * pupils
	for i := range pupils {
		for day := record.Date("2026-09-01"); day < "2027-06-01"; day = day.AddDays(1) {
			if weekday(day) >= schoolDays {
				continue
			}
			text := day.Time().Format("02/01/2006")
			fmt.Fprintf(&m, "%d,%s,AM,/,\r\n%d,%s,PM,\\,\r\n", 20000+i, text, 20000+i, text)
			rows += 2
		}
	}
	return school{"pupils.csv": p.String(), "contacts.csv": c.String(), "marks.csv": m.String()}.write(tb), rows
}

func BenchmarkCSV(b *testing.B) {
	dir, rows := bigSchool(b, 1000)
	files := []string{"pupils.csv", "contacts.csv", "marks.csv"}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			for _, name := range files {
				if err := bareCSV(filepath.Join(dir, name)); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("mis", func(b *testing.B) {
		s, err := Open(testProfile(b), site(dir))
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := benchRead(s); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	})
}

func benchRead(s *Source) (Report, error) {
	ask := Ask{Datasets: record.Datasets(), Today: "2027-05-31", IDKey: idKey}
	return s.Read(context.Background(), ask, everybody, func(Row) error { return nil })
}

func bareCSV(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	rows := csv.NewReader(f)
	rows.ReuseRecord = true
	for {
		if _, err := rows.Read(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func BenchmarkCTF(b *testing.B) {
	var pupils strings.Builder
	const count = 1000
	for i := range count {
		one := ctfCat
		if i%25 == 0 {
			one = ctfAnn
		}
		one = strings.NewReplacer("<UPN>B801200005001</UPN>", "", "<UPN>P207000016049</UPN>", "", "Ann", fmt.Sprint("Ann", i), "Cat", fmt.Sprint("Cat", i)).Replace(one)
		pupils.WriteString(one)
	}
	dir := school{ctfOne: ctfText("2026-11-16T09:45:00", pupils.String())}.write(b)
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			f, err := os.Open(filepath.Join(dir, ctfOne))
			if err != nil {
				b.Fatal(err)
			}
			d := xml.NewDecoder(f)
			for err == nil {
				_, err = d.Token()
			}
			if f.Close(); !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
		}
		b.ReportMetric(count*float64(b.N)/b.Elapsed().Seconds(), "pupils/s")
	})
	b.Run("mis", func(b *testing.B) {
		s, err := Open(ctfProfile(b), site(dir))
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if _, err := s.Read(context.Background(), Ask{Datasets: record.Datasets(), Today: today, IDKey: idKey}, everybody, func(Row) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(count*float64(b.N)/b.Elapsed().Seconds(), "pupils/s")
	})
}

// What is held while marks are read does not grow with the pupils who are not
// admitted, but for a hash of each.
func TestMemoryDoesNotGrowWithTheSchool(t *testing.T) {
	const perPupil = 200 // bytes: a hash, its place, and the map around them
	held := func(pupils int) int64 {
		dir, _ := bigSchool(t, pupils)
		s, err := Open(testProfile(t), site(dir))
		if err != nil {
			t.Fatal(err)
		}
		admitted := 0
		var most runtime.MemStats
		_, err = s.Read(context.Background(), Ask{Datasets: record.Datasets(), Today: "2027-05-31", IDKey: idKey},
			func(Candidate) (bool, error) { admitted++; return admitted <= 4, nil },
			func(r Row) error {
				if r.Record.Dataset() == record.DatasetAttendance && most.HeapAlloc == 0 {
					runtime.GC()
					runtime.ReadMemStats(&most) // every mark has been read
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		return int64(most.HeapAlloc)
	}
	small, large := held(100), held(1100)
	if grown := large - small; grown > 1000*perPupil {
		t.Errorf("1,000 more pupils, none of them admitted, took %d bytes", grown)
	}
}
