package tsql

func (p *parser) create(first bool) Statement {
	p.need("CREATE")
	if p.is("OR") {
		panic(refuse("CREATE OR ALTER, which SQL Server 2012 does not know"))
	}
	switch {
	case p.words("TABLE"):
		return p.createTable()
	case p.is("UNIQUE"), p.is("CLUSTERED"), p.is("NONCLUSTERED"), p.is("INDEX"):
		return p.createIndex()
	case p.words("VIEW"):
		return p.createView(first, false)
	case p.words("PROCEDURE"), p.words("PROC"):
		return p.createProcedure(first, false)
	case p.words("SCHEMA"):
		return p.createSchema(first)
	case p.words("DATABASE"):
		s := &CreateDatabase{p.identifier()}
		if p.is("COLLATE") || p.is("ON") || p.is("CONTAINMENT") {
			panic(refuse("CREATE DATABASE … %s", p.peek().upper))
		}
		return s
	case p.words("LOGIN"):
		return p.createLogin()
	case p.words("USER"):
		return p.createUser()
	}
	if t := p.peek(); t.kind == tokWord {
		panic(refuse("CREATE %s", t.upper))
	}
	p.unexpected()
	return nil
}

func (p *parser) alter(first bool) Statement {
	p.need("ALTER")
	switch {
	case p.words("VIEW"):
		return p.createView(first, true)
	case p.words("PROCEDURE"), p.words("PROC"):
		return p.createProcedure(first, true)
	case p.words("DATABASE"):
		return p.alterDatabase()
	case p.words("LOGIN"):
		return p.alterLogin()
	case p.words("SERVER", "ROLE"):
		return p.alterRole(true)
	case p.words("ROLE"):
		return p.alterRole(false)
	}
	if t := p.peek(); t.kind == tokWord {
		panic(refuse("ALTER %s", t.upper))
	}
	p.unexpected()
	return nil
}

// alone demands that a statement begins its batch.
func alone(first bool, what string) {
	if !first {
		panic(fail(111, "'%s' must be the first statement in a query batch.", what))
	}
}

func (p *parser) createTable() Statement {
	s := &CreateTable{Table: p.name()}
	p.needSymbol("(")
	for {
		p.tableElement(s)
		if !p.symbol(",") {
			break
		}
		if p.isSymbol(")") { // T-SQL lets a comma end the list
			break
		}
	}
	p.needSymbol(")")
	if p.is("ON") || p.is("WITH") || p.is("TEXTIMAGE_ON") {
		panic(refuse("CREATE TABLE … %s", p.peek().upper))
	}
	for _, k := range s.Key {
		i := indexOf(s.Columns, k)
		if i < 0 {
			panic(fail(1911, "Column name '%s' does not exist in the target table or view.", k))
		}
		s.Columns[i].Nullable = false
	}
	if len(s.Columns) == 0 {
		p.unexpected()
	}
	return s
}

func (p *parser) tableElement(s *CreateTable) {
	if p.is("CONSTRAINT") || p.is("PRIMARY") || p.is("UNIQUE") || p.is("FOREIGN") || p.is("CHECK") {
		name := p.constraintName()
		p.primaryKey(s, name)
		s.Key = p.keyColumns()
		return
	}
	c := Column{Name: p.identifier(), Nullable: true}
	if indexOf(s.Columns, c.Name) >= 0 {
		panic(fail(2705, "Column names in each table must be unique. Column name '%s' in table '%s' is specified more than once.", c.Name, s.Table))
	}
	if p.is("AS") {
		panic(refuse("a computed column (%s)", c.Name))
	}
	c.Type = p.typeName(false)
	for {
		switch {
		case p.words("NOT", "NULL"):
			c.Nullable = false
		case p.words("NULL"):
			c.Nullable = true
		case p.is("CONSTRAINT"), p.is("PRIMARY"), p.is("UNIQUE"), p.is("CHECK"), p.is("FOREIGN"):
			name := p.constraintName()
			p.primaryKey(s, name)
			s.Key = []string{c.Name}
			c.Nullable = false
		case p.isSymbol(",") || p.isSymbol(")"):
			// What is neither is NULL: ANSI_NULL_DFLT_ON, as drivers set it.
			s.Columns = append(s.Columns, c)
			return
		default:
			if t := p.peek(); t.kind == tokWord {
				panic(refuse("%s in a table's column", t.upper))
			}
			p.unexpected()
		}
	}
}

func (p *parser) constraintName() string {
	if p.words("CONSTRAINT") {
		return p.identifier()
	}
	return ""
}

// primaryKey reads PRIMARY KEY [CLUSTERED]; the other constraints are refused.
func (p *parser) primaryKey(s *CreateTable, name string) {
	if !p.words("PRIMARY", "KEY") {
		panic(refuse("the constraint %s", p.peek().upper))
	}
	if len(s.Key) > 0 {
		panic(fail(8110, "Cannot add multiple PRIMARY KEY constraints to table '%s'.", s.Table))
	}
	if !p.words("CLUSTERED") {
		p.words("NONCLUSTERED")
	}
	s.KeyName = name
}

func (p *parser) keyColumns() []string {
	p.needSymbol("(")
	var names []string
	for {
		names = append(names, p.identifier())
		if !p.words("ASC") {
			p.words("DESC")
		}
		if !p.symbol(",") {
			break
		}
	}
	p.needSymbol(")")
	return names
}

func (p *parser) createIndex() Statement {
	s := &CreateIndex{Unique: p.words("UNIQUE")}
	if !p.words("CLUSTERED") {
		p.words("NONCLUSTERED")
	}
	p.need("INDEX")
	s.Name = p.identifier()
	p.need("ON")
	s.Table = p.name()
	s.Columns = p.keyColumns()
	if p.words("INCLUDE") {
		p.identifiers()
	}
	if p.is("WHERE") || p.is("WITH") || p.is("ON") {
		panic(refuse("CREATE INDEX … %s", p.peek().upper))
	}
	return s
}

func (p *parser) createView(first, alter bool) Statement {
	what := "CREATE VIEW"
	if alter {
		what = "ALTER VIEW"
	}
	alone(first, what)
	s := &CreateView{Alter: alter, View: p.name(), Text: p.text}
	if p.isSymbol("(") {
		s.Names = p.identifiers()
	}
	if p.is("WITH") {
		panic(refuse("%s … WITH", what))
	}
	p.need("AS")
	s.Query = p.query()
	if p.is("WITH") {
		panic(refuse("%s … WITH CHECK OPTION", what))
	}
	p.end()
	return s
}

func (p *parser) createProcedure(first, alter bool) Statement {
	alone(first, "CREATE/ALTER PROCEDURE")
	s := &CreateProcedure{Procedure: p.name(), Alter: alter}
	for !p.is("AS") {
		if p.take().kind == tokEnd {
			p.unexpected()
		}
	}
	p.at++
	if p.peek().kind == tokEnd {
		p.unexpected()
	}
	p.at = len(p.tokens) - 1 // the body is not read
	return s
}

func (p *parser) createSchema(first bool) Statement {
	alone(first, "CREATE SCHEMA")
	if p.is("AUTHORIZATION") {
		panic(refuse("CREATE SCHEMA without a name"))
	}
	s := &CreateSchema{Name: p.identifier()}
	if p.words("AUTHORIZATION") {
		s.Owner = p.identifier()
	}
	p.end()
	return s
}

func (p *parser) drop() Statement {
	p.need("DROP")
	kind := p.choice("TABLE", "VIEW", "PROCEDURE", "PROC", "INDEX", "SCHEMA", "DATABASE", "LOGIN", "USER")
	ifExists := p.words("IF", "EXISTS")
	switch kind {
	case "DATABASE":
		return &DropDatabase{Name: p.identifier(), IfExists: ifExists}
	case "LOGIN":
		if ifExists {
			p.unexpected()
		}
		return &DropLogin{Name: p.identifier()}
	case "USER":
		return &DropUser{Name: p.identifier(), IfExists: ifExists}
	case "PROC":
		kind = "PROCEDURE"
	}
	s := &Drop{Kind: kind, IfExists: ifExists}
	if kind == "INDEX" || kind == "SCHEMA" {
		s.Names = []Name{{Name: p.identifier()}}
		if kind == "INDEX" {
			p.need("ON")
			s.Table = p.name()
		}
		return s
	}
	s.Names = []Name{p.name()}
	for p.symbol(",") {
		s.Names = append(s.Names, p.name())
	}
	return s
}
