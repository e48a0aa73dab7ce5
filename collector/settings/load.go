package settings

import "rollbridge/shared/config"

// EnvPrefix begins the name of every environment variable: intake.listen is
// ROLLBRIDGE_COLLECTOR_INTAKE_LISTEN.
const EnvPrefix = "ROLLBRIDGE_COLLECTOR"

// FileName is the file that Load looks for in the data directory, and that init
// writes there.
const FileName = "collector.yaml"

// Given is what the command line says about the settings.
type Given struct {
	File    string // --config; empty is the environment's, or FileName in the data directory if it exists
	DataDir string // --data-dir; empty is not given
}

// Load reads the settings with the precedence default, file, environment,
// flag. The explanation is filled where the sources could be read, even if
// what they say together is refused.
func Load(g Given, environ []string) (Settings, config.Explained, error) {
	file, err := File(g, environ)
	if err != nil {
		return Settings{}, nil, err
	}
	sources := config.Sources{File: file, EnvPrefix: EnvPrefix, Environ: environ, Reserved: []string{place(g).FileVariable()}}
	if g.DataDir != "" {
		sources.Flags = []config.Flag{{Key: "data_dir", Value: g.DataDir}}
	}
	return config.Load(Defaults(), sources)
}

// File is the settings file that Load reads, empty if there is none.
func File(g Given, environ []string) (string, error) { return place(g).Locate(environ) }

func place(g Given) config.Place {
	return config.Place{EnvPrefix: EnvPrefix, Name: FileName, File: g.File, DataDir: g.DataDir, DefaultDir: Defaults().DataDir}
}
