fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        match platform::validation::validate(&bytes) {
            Ok(()) => println!("{path} OK"),
            Err(f) => println!("{path} {} {}", f.len(), f[0]),
        }
    }
}
