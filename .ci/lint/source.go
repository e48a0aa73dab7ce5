package main

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// inCI are the programs that .ci/run has or installs: a test that needs one of them may
// skip on a machine without it, since it cannot skip where it counts.
var inCI = []string{"chromium", "dpkg", "npm", "postgres", "rpm", "strace", "systemd-analyze"}

func usesCgo(m *module, f file) []breach {
	if line, ok := m.imports(f)["C"]; ok {
		return []breach{{line, `imports "C"`}}
	}
	return nil
}

// mayTalk says whether a file belongs to a program's own surface.
func mayTalk(f file) bool {
	return f.test || f.name == "main" || slices.Contains(strings.Split(f.dir, "/"), "cli")
}

func prints(m *module, f file) []breach {
	if mayTalk(f) {
		return nil
	}
	return m.uses(f, "fmt", "Print", "Printf", "Println")
}

func exits(m *module, f file) []breach {
	if f.test || f.name == "main" {
		return nil
	}
	return m.uses(f, "os", "Exit")
}

func usesOldLog(m *module, f file) []breach {
	if mayTalk(f) {
		return nil
	}
	return m.uses(f, "log")
}

// uses returns the lines that name one of the package's members, or any when none is
// given. It knows the package under the name the file gives it.
func (m *module) uses(f file, pkg string, members ...string) (found []breach) {
	local := ""
	for _, spec := range f.syntax.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil && p == pkg {
			local = path.Base(pkg)
			if spec.Name != nil {
				local = spec.Name.Name
			}
		}
	}
	if local == "" {
		return nil
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && named(s.X, local) &&
			(len(members) == 0 || slices.Contains(members, s.Sel.Name)) {
			found = append(found, breach{m.line(s), "uses " + pkg + "." + s.Sel.Name})
		}
		return true
	})
	return found
}

// skips finds Skip, Skipf and SkipNow on the testing package's T, B, F and TB. Other
// things have a Skip as well (an XML decoder, rapid), so parameters are told by type.
func skips(m *module, f file) (found []breach) {
	testers := map[string]bool{}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || !isTester(field.Type) {
			return true
		}
		for _, name := range field.Names {
			testers[name.Name] = true
		}
		return true
	})
	excused := m.excused(f)
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !strings.HasPrefix(s.Sel.Name, "Skip") || s.Sel.Name == "Skipped" {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && testers[x.Name] && !excused[m.line(s)] {
			found = append(found, breach{m.line(s), "calls " + x.Name + "." + s.Sel.Name})
		}
		return true
	})
	return found
}

func (m *module) excused(f file) map[int]bool {
	lines := map[int]bool{}
	for _, group := range f.syntax.Comments {
		for _, c := range group.List {
			if program, ok := strings.CutPrefix(c.Text, "//ci:needs "); ok && slices.Contains(inCI, strings.TrimSpace(program)) {
				lines[m.line(c)] = true
			}
		}
	}
	return lines
}

func isTester(t ast.Expr) bool {
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	s, ok := t.(*ast.SelectorExpr)
	return ok && named(s.X, "testing") && slices.Contains([]string{"T", "B", "F", "TB"}, s.Sel.Name)
}

func named(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}
