//! What the engine itself lets its one user do: grants and limits in ClickHouse's own configuration.
//!
//! The user is the program itself, so this is no division of rights among people. It is the second wall behind
//! bound parameters: a statement that should not have been written is refused, and so is what a stolen password
//! could be used for. What needs a file, another host or another program is not granted at all.

/// What the store does, and no more. `SOURCES` (file, url, s3, remote, mysql, …), CREATE FUNCTION, DICTIONARY,
/// NAMED COLLECTION and WORKLOAD, users, shutdown and the other SYSTEM commands are missing on purpose.
const GRANTS: [&str; 4] = [
    "SELECT, INSERT, SHOW, CHECK, OPTIMIZE, TRUNCATE, KILL QUERY ON *.*",
    "ALTER TABLE, ALTER VIEW, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP DATABASE, DROP TABLE, \
     DROP VIEW, UNDROP TABLE ON *.*",
    // A copy while it runs, into the folder that was named at the start.
    "BACKUP ON *.*",
    // Parts stand still while they are forced to the disk, and while a backup's picture is taken.
    "SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM FLUSH ON *.*",
];

/// The engine's users, as XML. A question may take half of the engine's memory: then there is room for what
/// is written meanwhile.
pub(crate) fn users(memory: u64) -> String {
    let question = memory / 2;
    let grants: String =
        GRANTS.iter().map(|grant| format!("        <query>GRANT {grant}</query>\n")).collect();
    format!(
        "<!-- Written anew at every start of etiage-clickhouse. -->\n\
         <clickhouse>\n\
         \x20 <profiles>\n\
         \x20   <default>\n\
         \x20     <max_memory_usage>{question}</max_memory_usage>\n\
         \x20     <constraints>\n\
         \x20       <allow_experimental_eval_table_function>\
         <readonly/></allow_experimental_eval_table_function>\n\
         \x20     </constraints>\n\
         \x20   </default>\n\
         \x20 </profiles>\n\
         \x20 <quotas><default/></quotas>\n\
         \x20 <users>\n\
         \x20   <default>\n\
         \x20     <password></password>\n\
         \x20     <profile>default</profile>\n\
         \x20     <quota>default</quota>\n\
         \x20     <grants>\n{grants}\x20     </grants>\n\
         \x20   </default>\n\
         \x20 </users>\n\
         </clickhouse>\n"
    )
}
