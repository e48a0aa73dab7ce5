package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// platforms are read each, since `go list` leaves out a package whose files are all for
// another one.
var platforms = []string{"linux", "windows"}

// listed is the part of `go list -json` that is used.
type listed struct {
	Dir            string
	ImportPath     string
	Standard       bool
	GoFiles        []string
	IgnoredGoFiles []string
	Module         *struct {
		Path string
		Main bool
	}
}

// file is one source file of the module, whatever its build constraints say: a rule that
// holds on one platform or with one tag only would be no rule.
type file struct {
	path   string // relative to the module's directory
	dir    string // relative, with slashes: the package's place in the layout; "" is the top
	test   bool
	name   string // of the package
	syntax *ast.File
}

// module is what the rules look at.
type module struct {
	path   string
	fset   *token.FileSet
	files  []file
	cgoDep []string // packages of the build that consist of cgo only
	noWhy  []string // direct dependencies that docs/dependencies.md does not name
}

// readModule lists and parses the module in dir. Packages need not compile.
func readModule(dir string) (*module, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	m := &module{fset: token.NewFileSet()}
	dirs := map[string]bool{}
	for _, goos := range platforms {
		packages, err := goList(dir, goos)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			switch {
			case p.Module != nil && p.Module.Main:
				m.path = p.Module.Path
				dirs[p.Dir] = true
			case !p.Standard && len(p.GoFiles) == 0 && slices.ContainsFunc(p.IgnoredGoFiles, importsC(p.Dir)):
				m.cgoDep = append(m.cgoDep, p.ImportPath)
			}
		}
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("no packages in %s", dir)
	}
	slices.Sort(m.cgoDep)
	m.cgoDep = slices.Compact(m.cgoDep)
	for d := range dirs {
		if err := m.parse(dir, d); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(m.files, func(a, b file) int { return strings.Compare(a.path, b.path) })
	return m, m.readReasons(dir)
}

// readReasons compares the direct dependencies with the page that gives their reasons.
// A module counts as direct when a file imports from it, even while go.mod, not tidied
// since, still calls it indirect.
func (m *module) readReasons(dir string) error {
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go mod edit: %w", err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		return fmt.Errorf("read the answer of go mod edit: %w", err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "docs", "dependencies.md"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the reasons for dependencies: %w", err)
	}
	for _, r := range mod.Require {
		if (!r.Indirect || m.importsFrom(r.Path)) && !strings.Contains(string(page), "`"+r.Path+"`") {
			m.noWhy = append(m.noWhy, r.Path)
		}
	}
	return nil
}

func goList(dir, goos string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-e", "-deps", "-json=Dir,ImportPath,Standard,GoFiles,IgnoredGoFiles,Module", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list for %s: %w: %s", goos, err, complaint.String())
	}
	var packages []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("read the answer of go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// importsC says whether a file that a build without cgo leaves out does so for cgo.
func importsC(dir string) func(string) bool {
	return func(name string) bool {
		syntax, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.ImportsOnly)
		return err == nil && slices.ContainsFunc(syntax.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == `"C"` })
	}
}

func (m *module) parse(root, dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	for _, name := range names {
		syntax, err := parser.ParseFile(m.fset, name, nil, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		path, err := filepath.Rel(root, name)
		if err != nil {
			return fmt.Errorf("place of %s in the module: %w", name, err)
		}
		place := filepath.ToSlash(filepath.Dir(path))
		if place == "." {
			place = ""
		}
		m.files = append(m.files, file{
			path: filepath.ToSlash(path), dir: place, syntax: syntax,
			test: strings.HasSuffix(name, "_test.go"), name: syntax.Name.Name,
		})
	}
	return nil
}

// imports returns the import paths of a file, with the module's own cut to their place
// in the layout ("agent/scope"), each with its line.
func (m *module) imports(f file) map[string]int {
	paths := map[string]int{}
	for _, spec := range f.syntax.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has accepted it, so this does not happen
		}
		paths[strings.TrimPrefix(path, m.path+"/")] = m.line(spec)
	}
	return paths
}

func (m *module) line(n ast.Node) int { return m.fset.Position(n.Pos()).Line }

func (m *module) importsFrom(place string) bool {
	return slices.ContainsFunc(m.files, func(f file) bool {
		for path := range m.imports(f) {
			if within(path, place) {
				return true
			}
		}
		return false
	})
}

// within says whether path is the package at or below place; "" is everything.
func within(path, place string) bool {
	return place == "" || path == place || strings.HasPrefix(path, place+"/")
}
