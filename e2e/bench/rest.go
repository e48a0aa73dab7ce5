package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"rollbridge/e2e/demoschool"
	"rollbridge/e2e/stack"
)

// pageRows are the rows of one page: few enough for any interface.
const pageRows = 1000

// A webMIS is a school behind a web interface of the plainest kind: each dataset
// in pages that were made before anything is measured.
type webMIS struct {
	server *http.Server
	url    string
	pages  map[string][][]byte // by dataset
}

// newRESTRoute makes the school a MIS that answers over HTTP, with a profile of
// its own: every row of the school is given, and the agent drops those of others.
func (s *site) newRESTRoute(school *demoschool.School) (*route, error) {
	dir := filepath.Join(s.dir, fmt.Sprintf("mis-rest-%d", s.schools))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	web := &webMIS{pages: map[string][][]byte{}}
	profile := restProfile
	if err := school.WriteCSV(dir); err != nil {
		return nil, err
	}
	for _, f := range demoschool.CSVFiles() {
		if !isAsked(f.Dataset) {
			continue
		}
		names := make([]string, len(f.Headings))
		profile += "  " + f.Dataset + ":\n    evidence: documented\n    get: " + f.Dataset + "\n    rows: data\n    columns:\n"
		for i, h := range f.Headings {
			names[i] = strings.ReplaceAll(h.Field, ".", "_")
			profile += "      " + h.Field + ": ." + names[i] + "\n"
		}
		if err := web.load(f.Dataset, filepath.Join(dir, f.Name), names); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(dir, "profile.yaml")
	if err := errors.Join(os.WriteFile(file, []byte(profile), 0o600), web.start()); err != nil {
		return nil, err
	}
	s.webs = append(s.webs, web)
	r := &route{
		name: "rest", unit: "rows", bareName: "bare GET and decode", yardstick: childREST, memory: 60,
		source: stack.API{Names: map[string]string{"host": web.url}, Password: "benchmark"}.Source(file),
	}
	for _, d := range asked {
		r.yardstickArgs = append(r.yardstickArgs, web.url+"/"+d)
	}
	return r, nil
}

func isAsked(dataset string) bool {
	for _, d := range asked {
		if d == dataset {
			return true
		}
	}
	return false
}

// restProfile begins the profile of the interface.
const restProfile = `name: bench
description: The web interface of the benchmarks.
driver: rest
capabilities: {caring_authority: true, care_dates: true, mis_id: true, snapshot: true}
null_means: unknown
dates: dd/mm/yyyy
api:
  url: "{host}"
  evidence: documented
  names: {host: {says: the address, url: true}}
  auth: {kind: header, headers: {Authorization: "Bearer {password}"}}
  paging: {kind: link, next: .next}
datasets:
`

// load makes the pages of one dataset of its CSV file.
func (m *webMIS) load(dataset, file string, names []string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	rows, page := csv.NewReader(f), []map[string]string{}
	if _, err := rows.Read(); err != nil { // the headings
		return err
	}
	for {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return m.page(dataset, page, true)
		}
		if err != nil {
			return err
		}
		row := make(map[string]string, len(names))
		for i, name := range names {
			row[name] = cells[i]
		}
		if page = append(page, row); len(page) == pageRows {
			if err := m.page(dataset, page, false); err != nil {
				return err
			}
			page = page[:0]
		}
	}
}

func (m *webMIS) page(dataset string, rows []map[string]string, last bool) error {
	made := map[string]any{"data": rows, "next": nil}
	if !last {
		made["next"] = "/" + dataset + "?page=" + strconv.Itoa(len(m.pages[dataset])+1)
	}
	text, err := json.Marshal(made)
	m.pages[dataset] = append(m.pages[dataset], text)
	return err
}

func (m *webMIS) start() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	m.url = "http://" + l.Addr().String()
	m.server = &http.Server{Handler: m}
	go m.server.Serve(l) // ends with ErrServerClosed
	return nil
}

// ServeHTTP answers with one page.
func (m *webMIS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := strconv.Atoi(r.URL.Query().Get("page")) // none is the first
	pages := m.pages[strings.TrimPrefix(r.URL.Path, "/")]
	if n >= len(pages) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(pages[n]) // a reader that has gone says so itself
}

// readPages is the yardstick of reading a web interface: every page through
// net/http, every row decoded with encoding/json, and nothing else.
func readPages(addresses []string) error {
	rows := 0
	for _, address := range addresses {
		host, _, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")
		for address != "" {
			n, next, err := readPage(address)
			if err != nil {
				return fmt.Errorf("yardstick: %w", err)
			}
			rows += n
			if address = ""; next != "" {
				address = "http://" + host + next
			}
		}
	}
	_, err := fmt.Println(rows)
	return err
}

func readPage(address string) (n int, next string, err error) {
	r, err := http.Get(address)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return n, next, nil
		}
		if err != nil {
			return n, "", err
		}
		switch t {
		case "next":
			var link *string
			if err := d.Decode(&link); err != nil {
				return n, "", err
			}
			if link != nil {
				next = *link
			}
		case "data":
			if _, err := d.Token(); err != nil {
				return n, "", err
			}
			for ; d.More(); n++ {
				var row any
				if err := d.Decode(&row); err != nil {
					return n, "", err
				}
			}
			if _, err := d.Token(); err != nil {
				return n, "", err
			}
		}
	}
}
