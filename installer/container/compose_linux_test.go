package container

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

type service struct {
	Image       string            `yaml:"image"`
	Build       map[string]string `yaml:"build"`
	User        string            `yaml:"user"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	Secrets     []string          `yaml:"secrets"`
	Volumes     []string          `yaml:"volumes"`
	Networks    []string          `yaml:"networks"`
	Ports       []string          `yaml:"ports"`
	ReadOnly    bool              `yaml:"read_only"`
	Tmpfs       []string          `yaml:"tmpfs"`
	CapDrop     []string          `yaml:"cap_drop"`
	CapAdd      []string          `yaml:"cap_add"`
	Privileged  bool              `yaml:"privileged"`
	SecurityOpt []string          `yaml:"security_opt"`
	PidsLimit   int               `yaml:"pids_limit"`
	Restart     string            `yaml:"restart"`
	Grace       string            `yaml:"stop_grace_period"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck struct {
		Test     []string `yaml:"test"`
		Interval string   `yaml:"interval"`
		Timeout  string   `yaml:"timeout"`
		Retries  int      `yaml:"retries"`
	} `yaml:"healthcheck"`
}

type composition struct {
	Name     string             `yaml:"name"`
	Common   service            `yaml:"x-collector"`
	Services map[string]service `yaml:"services"`
	Networks map[string]struct {
		Internal bool `yaml:"internal"`
	} `yaml:"networks"`
	Volumes map[string]struct{} `yaml:"volumes"`
	Secrets map[string]struct {
		File string `yaml:"file"`
	} `yaml:"secrets"`
}

func readCompose(t *testing.T) composition {
	t.Helper()
	f, err := os.Open("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var c composition
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// An image is what a Containerfile says of it.
type image struct {
	copies     [][2]string
	user       string
	entrypoint []string
	command    []string
}

// readImage refuses every word that could bring in what is not in the context.
func readImage(t *testing.T) (i image) {
	t.Helper()
	text, err := os.ReadFile("Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	first := true
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "" || strings.HasPrefix(word, "#"):
			continue
		case first && (word != "FROM" || rest != "scratch"):
			t.Fatalf("the image begins with %s", line)
		case word == "COPY":
			parts := strings.Fields(rest)
			for _, from := range parts[:len(parts)-1] {
				to := parts[len(parts)-1]
				if strings.HasSuffix(to, "/") {
					to += from
				}
				i.copies = append(i.copies, [2]string{from, to})
			}
		case word == "USER":
			i.user = rest
		case word == "ENTRYPOINT":
			err = json.Unmarshal([]byte(rest), &i.entrypoint)
		case word == "CMD":
			err = json.Unmarshal([]byte(rest), &i.command)
		case !first:
			t.Fatalf("the test does not know %s", line)
		}
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		first = false
	}
	return i
}

// TestNoServiceMayMoreThanItNeeds goes through what a container engine is told.
func TestNoServiceMayMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	users := map[string]bool{"": true, "0": true, "0:0": true, "root": true}
	for _, name := range []string{"collector", "intake"} {
		s, there := c.Services[name]
		if !there {
			t.Fatalf("there is no service %s", name)
		}
		if users[s.User] {
			t.Errorf("%s runs as %q", name, s.User)
		}
		users[s.User] = true
		if !s.ReadOnly || s.Privileged || len(s.CapAdd) > 0 || len(s.CapDrop) != 1 || s.CapDrop[0] != "ALL" || s.PidsLimit == 0 ||
			len(s.SecurityOpt) != 1 || s.SecurityOpt[0] != "no-new-privileges:true" {
			t.Errorf("%s may more than it needs: %+v", name, s)
		}
		for _, v := range s.Volumes {
			from, to, _ := strings.Cut(v, ":")
			if !strings.HasSuffix(to, ":ro") && (to != "/var/lib/rollbridge-collector" || !strings.HasPrefix(from, "./data/")) {
				t.Errorf("%s may write %s", name, v)
			}
		}
		for _, secret := range s.Secrets {
			if !strings.HasPrefix(c.Secrets[secret].File, "./secrets/") {
				t.Errorf("%s: the secret %s is %+v", name, secret, c.Secrets[secret])
			}
		}
	}
	if !c.Networks["inside"].Internal || len(c.Services["database"].Ports) > 0 || strings.Join(c.Services["database"].Networks, " ") != "inside" {
		t.Error("the database is reached from outside")
	}
	text, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?i)password: |://[^@/\s]*:[^@/\s]*@`).FindString(string(text)); found != "" {
		t.Errorf("a secret stands in the file: %s", found)
	}
	if u := readImage(t).user; users[u] && u != c.Services["collector"].User {
		t.Errorf("the image runs as %q", u)
	}
}

// The tarball, which is the image's context, holds what the Containerfile copies.
func TestTheContextIsWhole(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../linux/build")
	if err != nil {
		t.Fatal(err)
	}
	_, context, _ := strings.Cut(string(text), "top=rollbridge-collector")
	for _, c := range readImage(t).copies {
		if !strings.Contains(context, filepath.Base(c[0])) {
			t.Errorf("the tarball of the collector has no %s", c[0])
		}
	}
}
