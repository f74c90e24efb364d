/// The database that `--to sqlite` makes. Its comments lie in the file, too: `.schema` shows them.
enum DatabaseSchema {
  static let name = "ettools.sqlite"
  static let version = 1
  /// `ETtr`, at the place where file(1) looks.
  static let applicationID = 0x4554_7472

  /// - Parameter unit: `ns`, or `cycles`, which are not passed off as time: columns are named for it.
  static func tables(unit: String) -> String { inUnit(tables, unit) }
  static func indices(unit: String) -> String { inUnit(indices, unit) }
  static func views(unit: String) -> String { inUnit(views, unit) }

  private static func inUnit(_ text: String, _ unit: String) -> String {
    unit == "ns" ? text : text.split(separator: "_ns", omittingEmptySubsequences: false).joined(separator: "_\(unit)")
  }

  private static let tables = """
    CREATE TABLE meta (
      -- Facts about the file: schema, version, unit of all times, tick (units of a tick), model, runs, events.
      key TEXT PRIMARY KEY NOT NULL,
      value NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE block (
      -- Runs that did the same things in the same order.
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL,             -- Default for loading, Execute for an execution
      method TEXT,                    -- the method that ran, where it is known
      bundled_input INTEGER,          -- the bundled program's input, where one was set
      executes INTEGER NOT NULL       -- 1 where the runs are executions of a method
    );
    CREATE TABLE run (
      -- One execution, or one loading.
      id INTEGER PRIMARY KEY,         -- its place in the trace, from 0
      block_id INTEGER NOT NULL REFERENCES block(id),
      iteration INTEGER NOT NULL,     -- its place among the block's runs
      phase TEXT NOT NULL,            -- prefill and decode, cold, or all where runs are alike
      first_event INTEGER NOT NULL,   -- its events are those from here …
      events INTEGER NOT NULL         -- … on, so many
    );
    CREATE TABLE operation (
      -- What rows are: one for all that are the same at several places of the program.
      id INTEGER PRIMARY KEY,
      block_id INTEGER NOT NULL REFERENCES block(id),
      name TEXT NOT NULL,             -- the event's name as recorded
      kind TEXT NOT NULL,             -- methodExecute, framework, operatorCall, kernel, delegateCall, delegated, control, values
      operator TEXT,                  -- aten::add.out from the program, add.out from the trace
      overload TEXT,                  -- out
      op_types TEXT,                  -- the graph's operators that it goes back to, a space between them
      backend TEXT,
      module TEXT,                    -- the innermost module's path, empty for the model itself
      source_file TEXT,
      source_line INTEGER,
      dtype TEXT,                     -- of the elements of the tensor that it writes
      own_clock INTEGER NOT NULL      -- 1 where another clock than the run's timed it
    );
    CREATE TABLE signature (
      -- Tensors of instructions, those read before those written: float32[1,3,224,224] float32[1,1000].
      id INTEGER PRIMARY KEY,
      shapes TEXT NOT NULL
    );
    CREATE TABLE row (
      -- A distinct event of a block: each of its runs has it.
      id INTEGER PRIMARY KEY,
      block_id INTEGER NOT NULL REFERENCES block(id),
      operation_id INTEGER NOT NULL REFERENCES operation(id),
      chain INTEGER NOT NULL,
      instruction INTEGER NOT NULL,
      parent_id INTEGER REFERENCES row(id), -- what encloses it
      signature_id INTEGER REFERENCES signature(id)
    );
    CREATE TABLE event (
      -- One occurrence. Ids count in the order in which events ended, run by run.
      id INTEGER PRIMARY KEY,
      run_id INTEGER NOT NULL REFERENCES run(id),
      position INTEGER NOT NULL,      -- among all records of the run
      row_id INTEGER NOT NULL REFERENCES row(id),
      start_ns INTEGER NOT NULL,
      duration_ns INTEGER NOT NULL
    );
    CREATE TABLE node (
      -- The graph's nodes that operations go back to.
      id INTEGER PRIMARY KEY,
      method TEXT NOT NULL,
      name TEXT NOT NULL,             -- aten_convolution_default_1
      op TEXT NOT NULL,               -- aten.convolution.default
      module TEXT,
      module_type TEXT,               -- the module's class
      stack_trace TEXT                -- the model's Python lines, outermost call first
    );
    CREATE TABLE operation_node (
      -- Which nodes each operation goes back to.
      operation_id INTEGER NOT NULL REFERENCES operation(id),
      node_id INTEGER NOT NULL REFERENCES node(id),
      PRIMARY KEY (operation_id, node_id)
    ) WITHOUT ROWID;
    CREATE TABLE allocation (
      -- Memory that an operator or a delegate asked for.
      run_id INTEGER NOT NULL REFERENCES run(id),
      position INTEGER NOT NULL,
      allocator TEXT,                 -- NULL where its number is not one of the run's
      bytes INTEGER NOT NULL,
      PRIMARY KEY (run_id, position)
    ) WITHOUT ROWID;
    """

  private static let indices = """
    CREATE INDEX event_by_row ON event(row_id, duration_ns);
    """

  private static let views = """
    CREATE VIEW event_list AS
      -- Every event with all that is known of it.
      SELECT event.id, run_id, iteration, phase, position, block.name AS block, method, operation.name, kind, chain,
        instruction, operator, op_types, backend, module, source_file, source_line, dtype, shapes, own_clock,
        row_id, parent_id, start_ns, duration_ns
      FROM event JOIN run ON run.id = event.run_id JOIN row ON row.id = event.row_id
        JOIN operation ON operation.id = row.operation_id JOIN block ON block.id = row.block_id
        LEFT JOIN signature ON signature.id = row.signature_id;
    CREATE VIEW row_time AS
      -- Times of each row over all runs. self_ns is without the rows directly inside; self times add up.
      WITH
        own(row_id, events, total, least, most) AS (
          SELECT row_id, count(*), sum(duration_ns), min(duration_ns), max(duration_ns) FROM event GROUP BY row_id),
        inside(row_id, total) AS (
          SELECT parent_id, sum(own.total)
          FROM row JOIN own ON own.row_id = row.id JOIN operation ON operation.id = row.operation_id
          WHERE parent_id IS NOT NULL AND NOT own_clock GROUP BY parent_id)
      SELECT row.id AS row_id, block.name AS block, executes, method, operation.name, kind, chain, instruction, operator,
        op_types, backend, module, source_file, source_line, dtype, shapes, own_clock, events, own.total AS total_ns,
        own.total - coalesce(inside.total, 0) AS self_ns, least AS min_ns, most AS max_ns,
        own.total * 1.0 / events AS mean_ns
      FROM own JOIN row ON row.id = own.row_id JOIN operation ON operation.id = row.operation_id
        JOIN block ON block.id = row.block_id LEFT JOIN signature ON signature.id = row.signature_id
        LEFT JOIN inside ON inside.row_id = row.id;
    CREATE VIEW row_percentile AS
      -- Percentiles of each row's events, linear between the nearest two.
      WITH ranked(row_id, duration_ns, place, last) AS (
        SELECT row_id, duration_ns, row_number() OVER (PARTITION BY row_id ORDER BY duration_ns) - 1,
          count(*) OVER (PARTITION BY row_id) - 1
        FROM event)
      SELECT row_id, block.name AS block, operation.name, instruction, last + 1 AS events,
        sum(duration_ns * max(0, 1 - abs(place - 0.1 * last))) AS p10_ns,
        sum(duration_ns * max(0, 1 - abs(place - 0.5 * last))) AS p50_ns,
        sum(duration_ns * max(0, 1 - abs(place - 0.9 * last))) AS p90_ns
      FROM ranked JOIN row ON row.id = row_id JOIN operation ON operation.id = operation_id
        JOIN block ON block.id = row.block_id
      GROUP BY row_id;
    CREATE VIEW op_time AS
      -- Self times of executions by operator: the program's or trace's name of it, else the graph's, else the event's.
      SELECT coalesce(operator, nullif(substr(op_types, 1, instr(op_types || ' ', ' ') - 1), ''), name) AS op,
        sum(events) AS events, sum(self_ns) AS self_ns
      FROM row_time WHERE executes AND NOT own_clock GROUP BY op ORDER BY sum(self_ns) DESC;
    CREATE VIEW module_time AS
      -- Self times of executions by module; NULL for what belongs to none.
      SELECT module, sum(events) AS events, sum(self_ns) AS self_ns
      FROM row_time WHERE executes AND NOT own_clock GROUP BY module ORDER BY sum(self_ns) DESC;
    CREATE VIEW source_time AS
      -- Self times of executions by the model's line; NULL for what comes from none or from several.
      SELECT source_file, source_line, sum(events) AS events, sum(self_ns) AS self_ns
      FROM row_time WHERE executes AND NOT own_clock GROUP BY source_file, source_line ORDER BY sum(self_ns) DESC;
    CREATE VIEW backend_time AS
      -- Self times of executions by backend; NULL for the runtime and its own operators.
      SELECT backend, kind IN ('delegateCall', 'delegated') AS delegated, sum(events) AS events, sum(self_ns) AS self_ns
      FROM row_time WHERE executes AND NOT own_clock GROUP BY 1, 2 ORDER BY sum(self_ns) DESC;
    CREATE VIEW slowest_event AS
      -- Operators and kernels, the slowest first: ask for it with a LIMIT.
      SELECT duration_ns, run_id, iteration, name, operator, backend, module, source_file, source_line, instruction,
        start_ns, row_id, id AS event_id
      FROM event_list WHERE kind IN ('kernel', 'delegateCall', 'delegated') AND NOT own_clock ORDER BY duration_ns DESC;
    CREATE VIEW run_latency AS
      -- How long each run took: the events that nothing encloses, of an execution the method's.
      SELECT run.id AS run_id, block.name AS block, method, iteration, phase, min(start_ns) AS start_ns,
        sum(duration_ns) AS latency_ns
      FROM event JOIN row ON row.id = event.row_id JOIN run ON run.id = event.run_id JOIN block ON block.id = run.block_id
      WHERE parent_id IS NULL GROUP BY run.id;
    CREATE VIEW latency AS
      -- Latencies of the runs of each block and phase.
      WITH ranked AS (
        SELECT *, row_number() OVER (PARTITION BY block, method, phase ORDER BY latency_ns) - 1 AS place,
          count(*) OVER (PARTITION BY block, method, phase) - 1 AS last
        FROM run_latency)
      SELECT block, method, phase, last + 1 AS runs, min(latency_ns) AS min_ns,
        sum(latency_ns * max(0, 1 - abs(place - 0.5 * last))) AS p50_ns,
        sum(latency_ns * max(0, 1 - abs(place - 0.9 * last))) AS p90_ns,
        sum(latency_ns * max(0, 1 - abs(place - 0.99 * last))) AS p99_ns, max(latency_ns) AS max_ns
      FROM ranked GROUP BY block, method, phase;
    """
}
