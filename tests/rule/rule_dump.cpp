// Runs the release rule over a CSV, batch by batch as the reference does, and prints what it published and what it
// was proved with: one line of JSON per release. Used by audit.py, which knows nothing of this code.
//
//   rule_dump FILE --choice COLUMN --dims a,b,c [--eligible COLUMN] [-k 10] [--max-dims 2] [--growth 0.5]
//             [--min-batch 2k] [--max-coordinate k-1]
#include "core/release_rule.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

namespace {

using namespace roughly;

std::vector<std::string> split(const std::string &line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, ',');)
    fields.push_back(field);
  return fields;
}

struct Poll {
  std::vector<Dimension> dimensions;
  std::vector<std::string> choices;
  std::vector<Ballot> ballots; // in order of arrival
};

// Every dimension is of codes, whose fields sort as their text does.
Poll read_poll(const std::string &file, const std::string &choice, const std::vector<std::string> &names,
               const std::string &eligible) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line))
    throw Error(Errc::invalid_argument, "cannot read " + file);
  const std::vector<std::string> header = split(line);
  const auto column = [&](const std::string &name) {
    const auto place = std::find(header.begin(), header.end(), name);
    if (place == header.end())
      throw Error(Errc::invalid_argument, "no column " + name);
    return static_cast<std::size_t>(place - header.begin());
  };
  std::vector<std::vector<std::string>> rows;
  while (std::getline(in, line))
    rows.push_back(split(line));

  Poll poll;
  for (const std::string &name : names)
    poll.dimensions.push_back({name, name, name, DimensionKind::codes, {}, {}});
  for (const auto &row : rows)
    poll.choices.push_back(row.at(column(choice)));
  std::sort(poll.choices.begin(), poll.choices.end());
  poll.choices.erase(std::unique(poll.choices.begin(), poll.choices.end()), poll.choices.end());
  for (const auto &row : rows) {
    Ballot ballot;
    const auto place = std::lower_bound(poll.choices.begin(), poll.choices.end(), row[column(choice)]);
    ballot.choice = static_cast<std::uint8_t>(place - poll.choices.begin());
    ballot.eligible = eligible.empty() || row.at(column(eligible)) == "1";
    for (const Dimension &dimension : poll.dimensions) {
      const std::string field = encode_category(dimension, row.at(column(dimension.name)));
      ballot.snapshot.insert(ballot.snapshot.end(), field.begin(), field.end());
    }
    poll.ballots.push_back(std::move(ballot));
  }
  return poll;
}

// A JSON array, each element printed by `print`.
template <class Things, class Print> void array(const Things &things, Print print) {
  const char *separator = "[";
  for (const auto &thing : things) {
    std::cout << separator;
    print(thing);
    separator = ",";
  }
  std::cout << (*separator == '[' ? "[]" : "]");
}

void text(std::string_view value) {
  std::cout << '"';
  for (const char c : value)
    (c == '"' || c == '\\' ? std::cout << '\\' : std::cout) << c;
  std::cout << '"';
}

// [[places of dimensions], [values]], as the reference names its cells.
void cell_name(const Tally &tally, Tally::CellId id) {
  std::vector<std::size_t> places;
  std::vector<std::string> values;
  for (std::size_t d = 0; d < tally.layout().dimensions(); ++d)
    if (contains(tally.cell(id).view, d)) {
      const std::string_view field(tally.cell(id).values.data() + max_code_size * places.size(), max_code_size);
      values.emplace_back(field.substr(0, field.find('\0')));
      places.push_back(d);
    }
  std::cout << '[';
  array(places, [](std::size_t place) { std::cout << place; });
  std::cout << ',';
  array(values, text);
  std::cout << ']';
}

void print(const Tally &tally, const Proof &proof, const Policy &policy, std::size_t first, std::size_t last) {
  std::cout << "{\"first\":" << first << ",\"last\":" << last << ",\"published\":";
  std::vector<Tally::CellId> published;
  for (Tally::CellId id = 0; id < tally.size(); ++id)
    if (tally.cell(id).as_of != 0)
      published.push_back(id);
  array(published, [&](Tally::CellId id) {
    std::cout << '[';
    cell_name(tally, id);
    std::cout << ',' << tally.cell(id).as_of << ',';
    array(tally.cell(id).published, [](Count count) { std::cout << count; });
    std::cout << ']';
  });
  std::cout << ",\"accepted\":";
  array(proof.witnesses.accepted(), [&](Tally::CellId id) { cell_name(tally, id); });
  std::cout << ",\"profiles\":";
  array(proof.profiles, [](const Profile &profile) {
    std::vector<std::string> values;
    for (std::size_t place = 0; place < profile.snapshot.size(); place += max_code_size)
      values.emplace_back(profile.snapshot.substr(place, max_code_size).c_str());
    array(values, text);
  });
  std::cout << ",\"sets\":";
  std::vector<std::uint32_t> sets(policy.k);
  for (std::uint32_t set = 0; set < policy.k; ++set)
    sets[set] = set;
  array(sets, [&](std::uint32_t set) {
    array(proof.witnesses.basis(set), [](std::size_t profile) { std::cout << profile; });
  });
  std::cout << "}\n";
}

void run(const std::string &file, std::map<std::string, std::string> options) {
  const Poll poll = read_poll(file, options.at("--choice"), split(options.at("--dims")), options["--eligible"]);
  const auto number = [&](const char *name, double otherwise) {
    return options.contains(name) ? std::stod(options[name]) : otherwise;
  };
  Policy policy;
  policy.k = static_cast<std::uint32_t>(number("-k", policy.k));
  policy.max_coordinate = static_cast<std::uint32_t>(number("--max-coordinate", policy.k - 1));
  const auto least = static_cast<std::size_t>(number("--min-batch", 2.0 * policy.k));
  const double growth = number("--growth", 0.5);

  const SnapshotLayout layout(poll.dimensions);
  Tally tally(layout, poll.choices.size(), static_cast<std::size_t>(number("--max-dims", 2)));
  std::uint32_t release = 0;
  for (std::size_t first = 0, last = 0; first < poll.ballots.size(); first = last) {
    const auto grown = static_cast<std::size_t>(growth * static_cast<double>(first));
    last = std::min(poll.ballots.size(), first + std::max(least, grown));
    if (last - first < policy.k)
      break;
    BallotBox box(layout.size());
    for (std::size_t i = first; i < last; ++i)
      box.add({}, poll.ballots[i]);
    const Proof proof = release_batch(tally, count_profiles(box, poll.choices.size()), policy, ++release);
    print(tally, proof, policy, first, last);
  }
}

} // namespace

int main(int count, char **arguments) {
  if (count < 2 || count % 2 != 0) {
    std::cerr << "usage: rule_dump FILE --choice COLUMN --dims a,b,c [OPTION VALUE]...\n";
    return 2;
  }
  try {
    std::map<std::string, std::string> options;
    for (int i = 2; i < count; i += 2)
      options[arguments[i]] = arguments[i + 1];
    run(arguments[1], std::move(options));
  } catch (const std::exception &error) {
    std::cerr << "rule_dump: " << error.what() << '\n';
    return 1;
  }
}
